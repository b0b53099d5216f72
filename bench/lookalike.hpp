#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/wire/internal/description.hpp"
#include "picket/wire/output.hpp"

/// The messages that the reference's own benchmark measures in place of the protocol's: headers without metadata, and
/// body chunks of four fields. Described like any message, so that the codec under test is the one that is shipped.
namespace picket::bench {

struct LookAlike {
  wire::Text correlation_id;
  wire::Text method;
  wire::Text uri;
  wire::Headers headers;
  wire::Text client_ip;
  std::optional<wire::Text> tls_version;
};

/// In JSON the reference's benchmark encodes a chunk whose base64 text is there already.
struct TextChunk {
  wire::Text correlation_id;
  wire::Text data;
  bool is_last = false;
  std::uint32_t chunk_index = 0;
};

/// Decoded from JSON, or either way in MessagePack: bytes.
struct BinaryChunk {
  wire::Text correlation_id;
  base::ByteView data;
  bool is_last = false;
  std::uint32_t chunk_index = 0;
};

/// Appends the payload of one message, without a frame. MessagePack bodies are bin and are not copied.
template <class Message>
void encode_payload(wire::Encoding encoding, const Message& message, wire::Output& out);

/// As wire::decode. Throws std::runtime_error for what does not decode.
template <class Message>
[[nodiscard]] Message decode_payload(wire::Encoding encoding, std::string_view payload, base::Arena& arena);

}  // namespace picket::bench

namespace picket::wire {

template <>
struct Description<bench::LookAlike> {
  using T = bench::LookAlike;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id),
                                     field("method", &T::method),
                                     field("uri", &T::uri),
                                     field("headers", &T::headers),
                                     field("client_ip", &T::client_ip),
                                     field<nullable>("tls_version", &T::tls_version)};
};

template <>
struct Description<bench::TextChunk> {
  using T = bench::TextChunk;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id), field("data", &T::data),
                                     field("is_last", &T::is_last), field("chunk_index", &T::chunk_index)};
};

template <>
struct Description<bench::BinaryChunk> {
  using T = bench::BinaryChunk;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id), field("data", &T::data),
                                     field("is_last", &T::is_last), field("chunk_index", &T::chunk_index)};
};

}  // namespace picket::wire
