#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "bench/lookalike.hpp"
#include "picket/wire/codec.hpp"

namespace picket::bench {

/// The payloads that both sides of `make bench` encode and decode, from their descriptions in spec/vectors/bench.
/// Throws std::runtime_error where a description cannot be read. Lifetime: messages borrow from this.
class Payloads {
 public:
  /// The folder is the environment's PICKET_BENCH_PAYLOADS, or the one of the source tree. Where PICKET_BENCH_ENCODED
  /// names a folder, encoded() reads from there what the reference encoded, so that both sides decode the same bytes.
  Payloads();
  Payloads(std::filesystem::path descriptions, std::filesystem::path encoded);

  [[nodiscard]] LookAlike look_alike(std::string_view size);
  [[nodiscard]] wire::RequestHeaders request(std::string_view size);
  [[nodiscard]] wire::AgentResponse allow();
  /// A chunk that is the whole body.
  [[nodiscard]] wire::RequestBodyChunk chunk(std::string_view size);
  [[nodiscard]] TextChunk text_chunk(std::string_view size);
  [[nodiscard]] BinaryChunk binary_chunk(std::string_view size);

  /// What the reference wrote as `name` (for example "request_small.json"), with the padding that decoders want;
  /// nothing where no folder was named.
  [[nodiscard]] std::optional<std::string_view> encoded(std::string_view name);
  /// `text` kept as long as this, with that padding.
  [[nodiscard]] std::string_view keep(std::string text);

 private:
  [[nodiscard]] wire::Value read(std::string_view name);
  [[nodiscard]] wire::Headers headers_of(const wire::Value& value);

  std::filesystem::path descriptions_;
  std::filesystem::path encoded_;
  base::Arena arena_{65536};
  std::deque<std::string> texts_;
};

/// What the encoder of a connection wrote, without the frame's header.
template <class Message>
[[nodiscard]] std::string payload_of(const wire::Format& format, const Message& message) {
  wire::Output out;
  (void)wire::encode(format, message, out);
  return out.flatten();
}

/// Whether the payload that payload_of() made is read: of protobuf the envelope and what is in it.
template <class Message>
[[nodiscard]] bool decodes(const wire::Format& format, std::string_view payload, base::Arena& arena) {
  if (format.encoding != wire::Encoding::protobuf) return wire::decode<Message>(format, payload, arena).has_value();
  constexpr bool answer = std::is_same_v<Message, wire::AgentResponse>;
  const auto opened =
      wire::open_envelope(answer ? wire::Envelope::agent_to_proxy : wire::Envelope::proxy_to_agent, payload);
  return opened && wire::decode<Message>(format, opened->payload, arena).has_value();
}

/// The payloads of this process.
[[nodiscard]] Payloads& payloads();

}  // namespace picket::bench
