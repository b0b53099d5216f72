#include "picket/session/terms.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace picket::session {

std::span<const std::int32_t> numbers_of(std::span<const wire::EventKind> kinds, base::Arena& arena) {
  auto numbers = arena.allocate_array<std::int32_t>(kinds.size());
  std::ranges::transform(kinds, numbers.begin(), [](wire::EventKind kind) { return static_cast<std::int32_t>(kind); });
  return numbers;
}

std::vector<wire::EventKind> kinds_of(std::span<const std::int32_t> numbers) {
  std::vector<wire::EventKind> kinds;
  for (const std::int32_t number : numbers)
    if (number >= 0 && number <= static_cast<std::int32_t>(wire::EventKind::guardrail_inspect))
      kinds.push_back(static_cast<wire::EventKind>(number));
  return kinds;
}

wire::TextList extensions_of(wire::Encoding encoding) noexcept {
  static constexpr std::array<wire::Text, 3> of_grpc{wire::extension_event_reply, wire::extension_one_way_complete,
                                                     extension_config_reply};
  return encoding == wire::Encoding::protobuf ? wire::TextList(of_grpc) : wire::TextList(all_extensions);
}

wire::Encoding choose(std::span<const wire::Encoding> offered, std::span<const wire::Encoding> spoken) {
  const auto chosen = std::ranges::find_if(
      offered, [&](wire::Encoding encoding) { return std::ranges::find(spoken, encoding) != spoken.end(); });
  return chosen != offered.end() ? *chosen : wire::Encoding::json;
}

std::vector<wire::Text> choose_extensions(wire::TextList offered, bool takes_any) {
  std::vector<wire::Text> taken;
  std::ranges::copy_if(all_extensions, std::back_inserter(taken), [&](wire::Text extension) {
    return takes_any && std::ranges::find(offered, extension) != offered.end();
  });
  return taken;
}

Terms terms(wire::Encoding encoding, wire::TextList extensions) {
  const auto has = [&](wire::Text extension) { return std::ranges::find(extensions, extension) != extensions.end(); };
  return {.format = {.encoding = encoding,
                     .raw_bytes = has(wire::extension_raw_bytes),
                     .event_reply = has(wire::extension_event_reply)},
          .one_way_complete = has(wire::extension_one_way_complete),
          .config_reply = has(extension_config_reply),
          .pong_acknowledges_configure = encoding == wire::Encoding::protobuf};
}

}  // namespace picket::session
