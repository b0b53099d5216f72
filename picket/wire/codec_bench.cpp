#include <array>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include "picket/base/limits.hpp"
#include "picket/wire/codec.hpp"

/// What one event costs to write and to read, in both encodings, and what simdjson's DOM takes for the same document
/// (docs/adr/0003). The messages have the sizes of the real ones in a browser's traffic.
namespace {

using namespace picket::wire;
namespace base = picket::base;

constexpr Format json{};
constexpr Format msgpack{.encoding = Encoding::msgpack};
constexpr Format raw_msgpack{.encoding = Encoding::msgpack, .raw_bytes = true};

constexpr RequestMetadata metadata{.correlation_id = "7f3a9c0e51d24b68-00000017",
                                   .request_id = "0190a5c2-7e3b-7c4d-9f10-2b6a5d8e4c31",
                                   .client_ip = "203.0.113.195",
                                   .client_port = 51234,
                                   .server_name = "www.example.com",
                                   .protocol = "HTTP/1.1",
                                   .tls_version = "TLSv1.3",
                                   .tls_cipher = "TLS_AES_128_GCM_SHA256",
                                   .route_id = "api",
                                   .upstream_id = "backend-1",
                                   .timestamp = "2026-01-02T03:04:05.678Z"};

constexpr std::array<Header, 4> few{{{"host", "www.example.com"},
                                     {"user-agent", "curl/7.88.1"},
                                     {"accept", "*/*"},
                                     {"content-type", "application/json"}}};

constexpr std::array<Header, 20> many{
    {{"Host", "www.example.com"},
     {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
     {"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
     {"Accept-Language", "en-US,en;q=0.5"},
     {"Accept-Encoding", "gzip, deflate, br, zstd"},
     {"Referer", "https://www.example.com/shop/basket?step=2"},
     {"Connection", "keep-alive"},
     {"Cookie", "session=3f9a1c7be2d84056; theme=dark; consent=1; visitor=9b2e6d0c-71f4-4a53-8e1d-c0a5b7f2e943"},
     {"Upgrade-Insecure-Requests", "1"},
     {"Sec-Fetch-Dest", "document"},
     {"Sec-Fetch-Mode", "navigate"},
     {"Sec-Fetch-Site", "same-origin"},
     {"Sec-Fetch-User", "?1"},
     {"Priority", "u=0, i"},
     {"Pragma", "no-cache"},
     {"Cache-Control", "no-cache"},
     {"X-Forwarded-For", "203.0.113.195"},
     {"X-Forwarded-Proto", "https"},
     {"X-Request-Id", "0190a5c2-7e3b-7c4d-9f10-2b6a5d8e4c31"},
     {"Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r"}}};

RequestHeaders small_request() {
  return {.metadata = metadata, .method = "POST", .uri = "/api/v1/users?page=2", .headers = Headers{few}};
}
RequestHeaders large_request() {
  return {.metadata = metadata, .method = "GET", .uri = "/shop/checkout?step=3&ref=mail", .headers = Headers{many}};
}
AgentResponse allow() { return {.decision = Allow{}, .correlation_id = metadata.correlation_id}; }

RequestBodyChunk chunk(std::size_t size) {
  static const std::vector<std::byte> body = [] {
    std::vector<std::byte> bytes(1 << 20);
    std::uint32_t state = 1;
    for (auto& byte : bytes) byte = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
  }();
  return {.correlation_id = metadata.correlation_id,
          .data = base::ByteView{body}.first(size),
          .is_last = true,
          .total_size = size,
          .bytes_received = size};
}

template <class Message>
std::string payload_of(const Format& format, const Message& message) {
  Output out;
  (void)encode(format, message, out);
  std::string text = out.flatten().substr(frame_header_size);
  text.reserve(text.size() + base::limits::tail_padding);
  return text;
}

template <class Message>
void write(benchmark::State& state, Format format, Message message) {
  Output out;
  std::size_t size = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(encode(format, message, out));
    size = out.size();
    out.consume(size);
  }
  state.counters["bytes"] = static_cast<double>(size);
}

template <class Message>
void read(benchmark::State& state, Format format, Message message) {
  const std::string payload = payload_of(format, message);
  base::Arena arena{16384};
  for (auto _ : state) {
    arena.reset();
    benchmark::DoNotOptimize(decode<Message>(format, payload, arena));
  }
  state.counters["bytes"] = static_cast<double>(payload.size());
}

/// simdjson only parses: what follows in a real decoder (look-up of fields, numbers, headers) would come on top.
template <class Message>
void simdjson_dom(benchmark::State& state, Message message) {
  const std::string payload = payload_of(json, message);
  simdjson::dom::parser parser;
  for (auto _ : state) {
    simdjson::dom::element root;
    if (parser.parse(payload.data(), payload.size(), false).get(root) != simdjson::SUCCESS)
      state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(root);
  }
}

/// The same with every field looked up and every header visited, as a decoder on top of the DOM would have to.
void simdjson_dom_request(benchmark::State& state, RequestHeaders message) {
  const std::string payload = payload_of(json, message);
  simdjson::dom::parser parser;
  base::Arena arena{16384};
  for (auto _ : state) {
    arena.reset();
    simdjson::dom::element root;
    if (parser.parse(payload.data(), payload.size(), false).get(root) != simdjson::SUCCESS)
      state.SkipWithError("not parsed");
    RequestHeaders result;
    base::ArenaList<Header> headers{arena};
    headers.reserve(24);
    for (const auto [key, value] : root["metadata"].get_object().value()) {
      if (key == "client_port") {
        result.metadata.client_port = static_cast<std::uint16_t>(value.get_uint64().value_unsafe());
      } else if (std::string_view text; value.get(text) == simdjson::SUCCESS) {
        benchmark::DoNotOptimize(text);
      }
    }
    result.method = root["method"].get_string().value_unsafe();
    result.uri = root["uri"].get_string().value_unsafe();
    for (const auto [key, values] : root["headers"].get_object().value())
      for (const auto value : values.get_array().value_unsafe())
        headers.push_back({key, value.get_string().value_unsafe()});
    result.headers = Headers{headers.items()};
    benchmark::DoNotOptimize(result);
  }
}

BENCHMARK_CAPTURE(write, request_small_json, json, small_request());
BENCHMARK_CAPTURE(write, request_large_json, json, large_request());
BENCHMARK_CAPTURE(write, allow_json, json, allow());
BENCHMARK_CAPTURE(write, body_64k_json, json, chunk(65536));
BENCHMARK_CAPTURE(write, request_small_msgpack, msgpack, small_request());
BENCHMARK_CAPTURE(write, request_large_msgpack, msgpack, large_request());
BENCHMARK_CAPTURE(write, allow_msgpack, msgpack, allow());
BENCHMARK_CAPTURE(write, body_64k_msgpack_base64, msgpack, chunk(65536));
BENCHMARK_CAPTURE(write, body_1k_msgpack_raw, raw_msgpack, chunk(1024));
BENCHMARK_CAPTURE(write, body_64k_msgpack_raw, raw_msgpack, chunk(65536));

BENCHMARK_CAPTURE(read, request_small_json, json, small_request());
BENCHMARK_CAPTURE(read, request_large_json, json, large_request());
BENCHMARK_CAPTURE(read, allow_json, json, allow());
BENCHMARK_CAPTURE(read, body_64k_json, json, chunk(65536));
BENCHMARK_CAPTURE(read, request_small_msgpack, msgpack, small_request());
BENCHMARK_CAPTURE(read, request_large_msgpack, msgpack, large_request());
BENCHMARK_CAPTURE(read, allow_msgpack, msgpack, allow());
BENCHMARK_CAPTURE(read, body_64k_msgpack_base64, msgpack, chunk(65536));
BENCHMARK_CAPTURE(read, body_64k_msgpack_raw, raw_msgpack, chunk(65536));

BENCHMARK_CAPTURE(simdjson_dom, request_small, small_request());
BENCHMARK_CAPTURE(simdjson_dom, request_large, large_request());
BENCHMARK_CAPTURE(simdjson_dom, allow, allow());
BENCHMARK_CAPTURE(simdjson_dom, body_64k, chunk(65536));
BENCHMARK_CAPTURE(simdjson_dom_request, small, small_request());
BENCHMARK_CAPTURE(simdjson_dom_request, large, large_request());

}  // namespace
