#include <fmt/format.h>

#include "bench/payloads.hpp"
#include "bench/rows.hpp"
#include "picket/transport/frame_header.hpp"
#include "picket/wire/codec.hpp"

/// What one message costs to write and to read, in each encoding: the look-alikes that the reference's benchmark
/// measures, then the real messages. Reading is from what the reference wrote where the run provides it.
namespace picket::wire {
namespace {

using bench::payloads;
using bench::row;

struct Named {
  const char* name;
  Format format;
};
constexpr std::array<Named, 2> encodings{{{"json", {}}, {"msgpack", {.encoding = Encoding::msgpack}}}};
constexpr Format raw{.encoding = Encoding::msgpack, .raw_bytes = true};

/// Writes into one output that is drained each time, as a connection's is.
template <class Encode>
auto into_output(Encode encode_into) {
  return [encode_into, out = Output{transport::stream_framing}]() mutable {
    encode_into(out);
    const std::size_t size = out.size();
    out.consume(size);
    return size;
  };
}

template <class Decode>
auto with_arena(Decode decode_with) {
  return [decode_with, arena = base::Arena{16384}]() mutable {
    arena.reset();
    return decode_with(arena);
  };
}

/// One frame written; the message comes from `load(payloads)`.
template <class Load>
void encode_row(const std::string& name, const Format& format, Load load) {
  row(name, [=] {
    return into_output([=, message = load()](Output& out) { (void)encode(format, message, out).has_value(); });
  });
}

/// One payload read: `encoded` of the reference, or our own.
template <class Load>
void decode_row(const std::string& name, const std::string& encoded, const Format& format, Load load) {
  row(name, [=] {
    const auto theirs = encoded.empty() ? std::nullopt : payloads().encoded(encoded);
    const auto payload = theirs ? *theirs : payloads().keep(bench::payload_of(format, load()));
    return with_arena(
        [=](base::Arena& arena) { return bench::decodes<std::invoke_result_t<Load>>(format, payload, arena); });
  });
}

template <class Load>
void look_alike_rows(const std::string& what, const std::string& encoded, Encoding encoding, Load load) {
  row("encode_" + what, [=] {
    return into_output([=, message = load()](Output& out) { bench::encode_payload(encoding, message, out); });
  });
  // Bodies are decoded to bytes whatever they were encoded from.
  using Loaded = std::invoke_result_t<Load>;
  using Decoded = std::conditional_t<std::is_same_v<Loaded, bench::TextChunk>, bench::BinaryChunk, Loaded>;
  row("decode_" + what, [=] {
    const auto theirs = payloads().encoded(encoded);
    Output out;
    if (!theirs) bench::encode_payload(encoding, load(), out);
    const auto payload = theirs ? *theirs : payloads().keep(out.flatten());
    return with_arena([=](base::Arena& arena) { return bench::decode_payload<Decoded>(encoding, payload, arena); });
  });
}

void declare_look_alikes(const Named& named) {
  const auto& [name, format] = named;
  for (const char* const size : {"small", "large"})
    look_alike_rows(fmt::format("headers/{}/{}", name, size), fmt::format("lookalike_{}.{}", size, name),
                    format.encoding, [size] { return payloads().look_alike(size); });
}

void declare_encoding(const Named& named) {
  const auto& [name, format] = named;
  for (const char* const size : {"small", "large"}) {
    const std::string row_end = fmt::format("headers/{}/{}", name, size);
    const auto request = [size] { return payloads().request(size); };
    encode_row("real/encode_" + row_end, format, request);
    decode_row("real/decode_" + row_end, fmt::format("request_{}.{}", size, name), format, request);
  }
  const auto allow = [] { return payloads().allow(); };
  encode_row(fmt::format("real/encode_allow/{}", name), format, allow);
  decode_row(fmt::format("real/decode_allow/{}", name), fmt::format("allow.{}", name), format, allow);

  const auto chunk = [] { return payloads().chunk("64k"); };
  encode_row(fmt::format("real/encode_body/{}/64k", name), format, chunk);
  decode_row(fmt::format("real/decode_body/{}/64k", name), fmt::format("chunk_64k.{}", name), format, chunk);
}

const bench::Declared rows{[] {
  for (const Named& named : encodings) declare_look_alikes(named);
  for (const Named& named : encodings) declare_encoding(named);
  declare_encoding({"protobuf", {.encoding = Encoding::protobuf, .event_reply = true}});
  for (const char* const size : {"1k", "4k", "16k", "64k"}) {
    look_alike_rows(fmt::format("body/json/{}", size), fmt::format("body_{}.json", size), Encoding::json,
                    [size] { return payloads().text_chunk(size); });
    look_alike_rows(fmt::format("body/msgpack/{}", size), fmt::format("body_{}.msgpack", size), Encoding::msgpack,
                    [size] { return payloads().binary_chunk(size); });
  }
  // What Picket's two ends say to each other: structs without names, bodies as they are.
  encode_row("real/encode_body/raw/64k", raw, [] { return payloads().chunk("64k"); });
  decode_row("real/decode_body/raw/64k", "", raw, [] { return payloads().chunk("64k"); });
  for (const char* const size : {"small", "large"})
    decode_row(fmt::format("own/decode_headers/msgpack/{}", size), "", raw,
               [size] { return payloads().request(size); });
  decode_row("own/decode_allow/msgpack", "", raw, [] { return payloads().allow(); });
}};

}  // namespace
}  // namespace picket::wire
