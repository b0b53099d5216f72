#include <algorithm>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/agent_tables.hpp"

/// Bodies of an agent: how they are shown, and how much of them is held.
namespace picket::apps::gateway::config::tables {
namespace {

enum class BodyMode : std::uint8_t { buffer, stream, hybrid };
constexpr Word body_modes[] = {{"buffer", static_cast<int>(BodyMode::buffer)},
                               {"inspect-first", static_cast<int>(BodyMode::buffer), Word::alias},
                               {"stream", static_cast<int>(BodyMode::stream)},
                               {"hybrid", static_cast<int>(BodyMode::hybrid)}};

constexpr Key<BodyTerms> body_mode_property_keys[] = {
    {{"hold-back"}, number<&BodyTerms::holds_back>(1, most_held, "bytes")}};

/// A node of its own form: hybrid has a second argument, and what is streamed may be held back.
void read_body_mode(Reader& reader, const kdl::Node& node, BodyTerms& terms) {
  if (node.arguments.empty() || node.broken) {
    reader.check(node, {.arguments = Shape::Arguments::one});
    return;
  }
  const auto mode = reader.choice({node.name.text, &node.arguments.front()}, body_modes);
  if (!mode) return;
  const bool is_hybrid = *mode == static_cast<int>(BodyMode::hybrid);
  const bool is_buffer = *mode == static_cast<int>(BodyMode::buffer);
  if (is_hybrid && node.arguments.size() != 2)
    return reader.report(node.arguments.front().at, "\"hybrid\" does not say how much is held first",
                         fmt::format("write {} \"hybrid\" and bytes, for example 65536", node.name.text));
  const auto arguments = is_hybrid ? Shape::Arguments::some : Shape::Arguments::one;
  if (!reader.check(node, {.arguments = arguments, .properties = !is_buffer})) return;
  terms.gathers = is_buffer ? body::whole : 0;
  if (is_hybrid)
    terms.gathers = reader.number({node.name.text, &node.arguments.back()}, 1, most_held, "bytes").value_or(1);
  reader.properties(node, body_mode_properties(), terms);
}

}  // namespace

void read_request_body_mode(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  read_body_mode(reader, node, out.agent.request_body);
}

void read_response_body_mode(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  read_body_mode(reader, node, out.agent.response_body);
}

/// What is held first, and what is held back, is held.
void check_bodies(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  struct Way {
    std::string_view mode;
    std::string_view limit;
    const BodyTerms& terms;
  };
  for (const Way& way : {Way{"request-body-mode", "max-request-body-bytes", draft.agent.request_body},
                         Way{"response-body-mode", "max-response-body-bytes", draft.agent.response_body}}) {
    const bool is_buffer = way.terms.gathers == body::whole;
    const std::uint64_t least = std::max(is_buffer ? 0 : way.terms.gathers, way.terms.holds_back + 1);
    const kdl::Node* const mode = child_of(node, way.mode);
    if (mode == nullptr || least <= way.terms.holds) continue;
    reader.report(mode->name.at, fmt::format("{} bytes are to be held, and {} may be", least, way.terms.holds),
                  fmt::format("raise {}, or lower what is held", way.limit));
  }
}

Keys<BodyTerms> body_mode_properties() { return body_mode_property_keys; }

}  // namespace picket::apps::gateway::config::tables
