#include "picket/agent/json.hpp"

#include <charconv>

#include "picket/wire/codec.hpp"

namespace picket::agent {
namespace {

/// "~1" is a slash and "~0" a tilde (RFC 6901 §4).
std::string unescaped(std::string_view token) {
  std::string name;
  for (std::size_t at = 0; at < token.size(); ++at) {
    const bool is_escape = token[at] == '~' && at + 1 < token.size() && (token[at + 1] == '0' || token[at + 1] == '1');
    name += is_escape ? (token[++at] == '0' ? '~' : '/') : token[at];
  }
  return name;
}

const wire::Value* item(wire::Value::List list, std::string_view token) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool is_index =
      error == std::errc{} && end == token.data() + token.size() && (token.size() == 1 || token[0] != '0');
  return is_index && index < list.size() ? &list[index] : nullptr;
}

}  // namespace

base::Result<Json> Json::parse(std::string_view text) {
  Json document{base::Arena{}};
  auto root = wire::parse_json(text, document.memory_);
  PICKET_TRY(root);
  document.root_ = *root;
  return document;
}

const wire::Value* Json::at(std::string_view pointer) const {
  const wire::Value* value = &root_;
  while (value != nullptr && !pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    const auto* const list = value->get<wire::Value::List>();
    value = list != nullptr ? item(*list, token) : value->find(unescaped(token));
  }
  return value;
}

std::optional<std::string_view> Json::text(std::string_view pointer) const {
  const wire::Value* const value = at(pointer);
  const auto* const text = value != nullptr ? value->get<std::string_view>() : nullptr;
  return text != nullptr ? std::optional{*text} : std::nullopt;
}

}  // namespace picket::agent
