#include "apps/waf/request_body.hpp"

#include <string>
#include <string_view>

#include <modsecurity/transaction.h>

#include "apps/waf/base_rules.hpp"
#include "apps/waf/expansion.hpp"
#include "apps/waf/media_type.hpp"
#include "apps/waf/readings.hpp"
#include "apps/waf/unicode_text.hpp"
#include "apps/waf/xml_prolog.hpp"

namespace picket::apps::waf {
namespace {

using Engine = modsecurity::Transaction;

void add_value(Engine& engine, std::string_view value) { engine.addArgument("POST", "body", std::string(value), 0); }

/// The values that a body may be to whoever guesses.
void add_values(Engine& engine, std::string_view body, const std::string& text) {
  add_value(engine, body);
  if (text != body) add_value(engine, text);
  if (const std::string read = unescaped(text); read != text) add_value(engine, read);
  for (const std::string_view part : parts_of(text)) add_value(engine, part);
}

/// The library does not look at a body that nothing says the type of; servers guess.
std::optional<Note> read_untyped(Engine& engine) {
  const std::string_view body = engine.m_requestBody.view();
  if (body.size() > max_value_size) return note_value_over_limit;
  const std::string text = as_utf8(body);
  add_values(engine, body, text);
  switch (looks_like(text)) {
    case BodyKind::json: engine.m_requestBodyProcessor = Engine::JSONRequestBody; break;
    case BodyKind::xml: engine.m_requestBodyProcessor = Engine::XMLRequestBody; break;
    case BodyKind::form: engine.m_requestBodyType = Engine::WWWFormUrlEncoded; break;
  }
  return std::nullopt;
}

std::optional<Note> check_json(std::string_view body, std::size_t limit) {
  const Expansion expansion = json_expansion(body);
  if (expansion.longest_name <= max_json_name_size && expansion.total <= limit) return std::nullopt;
  return note_expands_over_limit;
}

/// Phase 1 has seen the field as it came; the library looks for the boundary now.
std::optional<Note> read_multipart(Engine& engine, std::size_t limit) {
  auto& fields = engine.m_variableRequestHeaders;
  const auto [field, end] = fields.equal_range("content-type");
  if (field == end || std::next(field) != end) return std::nullopt;
  const auto form = multipart_form(field->second->getValue());
  if (!form) return std::nullopt;
  const std::string_view body = engine.m_requestBody.view();
  if (!form->other_boundary.empty() && body.find("--" + form->other_boundary) != std::string_view::npos)
    return note_two_boundaries;
  if (multipart_expansion(body, form->boundary).total > limit) return note_expands_over_limit;
  const std::string name = field->first;
  delete field->second;  // the library's own, which it would free
  fields.erase(field);
  fields.set(name, form->field(), engine.m_variableOffset);
  return std::nullopt;
}

}  // namespace

std::optional<Note> prepare_body(modsecurity::Transaction& engine, bool has_type, std::size_t expansion_limit) {
  const bool rules_chose = engine.m_requestBodyProcessor != Engine::UnknownFormat;
  if (!has_type && !rules_chose)
    if (const auto note = read_untyped(engine)) return note;
  switch (engine.m_requestBodyProcessor) {
    case Engine::JSONRequestBody: return check_json(engine.m_requestBody.view(), expansion_limit);
    case Engine::XMLRequestBody: return hidden_by_prolog(engine.m_requestBody.view());
    default: break;
  }
  if (engine.m_requestBodyType == Engine::MultiPartRequestBody) return read_multipart(engine, expansion_limit);
  return std::nullopt;
}

void hide_body(modsecurity::Transaction& engine) {
  engine.m_requestBodyType = Engine::UnknownFormat;
  engine.m_requestBodyProcessor = Engine::UnknownFormat;
}

}  // namespace picket::apps::waf
