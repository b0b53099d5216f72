#include <algorithm>
#include <optional>

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include "bench/payloads.hpp"
#include "picket/wire/codec.hpp"

/// simdjson on the documents that codec_bench.cpp decodes: what the decision of docs/adr/0003 was measured against.
namespace picket::wire {
namespace {

using bench::payloads;

template <class Message>
std::string_view document(const Message& message) {
  return payloads().keep(bench::payload_of({}, message));
}

/// Parses only: what follows in a real decoder (look-up of fields, numbers, headers) would come on top.
void dom(benchmark::State& state, std::string_view payload) {
  simdjson::dom::parser parser;
  for (auto _ : state) {
    simdjson::dom::element root;
    if (parser.parse(payload.data(), payload.size(), false).get(root) != simdjson::SUCCESS)
      state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(root);
  }
}

/// A text field of the request's metadata; one of the two members is set.
struct TextField {
  std::string_view name;
  Text RequestMetadata::* required = nullptr;
  std::optional<Text> RequestMetadata::* optional = nullptr;
};
using M = RequestMetadata;
constexpr TextField text_fields[] = {
    {.name = "correlation_id", .required = &M::correlation_id},
    {.name = "request_id", .required = &M::request_id},
    {.name = "client_ip", .required = &M::client_ip},
    {.name = "server_name", .optional = &M::server_name},
    {.name = "protocol", .required = &M::protocol},
    {.name = "tls_version", .optional = &M::tls_version},
    {.name = "tls_cipher", .optional = &M::tls_cipher},
    {.name = "route_id", .optional = &M::route_id},
    {.name = "upstream_id", .optional = &M::upstream_id},
    {.name = "timestamp", .required = &M::timestamp},
    {.name = "traceparent", .optional = &M::traceparent},
};

bool read_text(simdjson::dom::element value, const TextField& field, RequestMetadata& metadata) {
  Text text;
  if (value.get(text) != simdjson::SUCCESS) return field.optional != nullptr && value.is_null();
  if (field.optional != nullptr) {
    metadata.*field.optional = text;
  } else {
    metadata.*field.required = text;
  }
  return true;
}

bool read_metadata(simdjson::dom::object object, RequestMetadata& metadata) {
  std::uint32_t seen = 0;
  for (const auto [key, value] : object) {
    if (key == "client_port") {
      std::uint64_t port = 0;
      if (value.get(port) != simdjson::SUCCESS || port > 65535) return false;
      metadata.client_port = static_cast<std::uint16_t>(port);
      continue;
    }
    const auto* const field = std::ranges::find(text_fields, key, &TextField::name);
    if (field == std::end(text_fields)) continue;
    const std::uint32_t bit = 1U << (field - text_fields);
    if ((seen & bit) != 0 || !read_text(value, *field, metadata)) return false;
    seen |= bit;
  }
  for (const TextField& field : text_fields)
    if (field.required != nullptr && (seen & 1U << (&field - text_fields)) == 0) return false;
  return true;
}

bool read_headers(simdjson::dom::object object, base::Arena& arena, Headers& headers) {
  base::ArenaList<Header> list{arena};
  list.reserve(24);
  for (const auto [key, values] : object) {
    simdjson::dom::array array;
    if (values.get(array) != simdjson::SUCCESS) return false;
    for (const auto value : array) {
      Header header{key, {}};
      if (value.get(header.value) != simdjson::SUCCESS) return false;
      list.push_back(header);
    }
  }
  headers = Headers{list.items()};
  return true;
}

bool read_request(simdjson::dom::object object, base::Arena& arena, RequestHeaders& request) {
  unsigned seen = 0;
  for (const auto [key, value] : object) {
    simdjson::dom::object part;
    if (key == "metadata") {
      if (value.get(part) != simdjson::SUCCESS || !read_metadata(part, request.metadata)) return false;
    } else if (key == "headers") {
      if (value.get(part) != simdjson::SUCCESS || !read_headers(part, arena, request.headers)) return false;
    } else if (key == "method" || key == "uri") {
      if (value.get(key == "uri" ? request.uri : request.method) != simdjson::SUCCESS) return false;
    } else {
      continue;
    }
    ++seen;
  }
  return seen == 4;
}

/// A decoder on top of the DOM that does what ours does: types, ranges, presence, duplicates, the same result.
void dom_request(benchmark::State& state, std::string_view payload) {
  simdjson::dom::parser parser;
  base::Arena arena{16384};
  for (auto _ : state) {
    arena.reset();
    simdjson::dom::object root;
    RequestHeaders request;
    if (parser.parse(payload.data(), payload.size(), false).get(root) != simdjson::SUCCESS ||
        !read_request(root, arena, request))
      state.SkipWithError("not decoded");
    benchmark::DoNotOptimize(request);
  }
}

void request_small(benchmark::State& state) { dom_request(state, document(payloads().request("small"))); }
void request_large(benchmark::State& state) { dom_request(state, document(payloads().request("large"))); }
void parse_small(benchmark::State& state) { dom(state, document(payloads().request("small"))); }
void parse_large(benchmark::State& state) { dom(state, document(payloads().request("large"))); }
void parse_allow(benchmark::State& state) { dom(state, document(payloads().allow())); }
void parse_body(benchmark::State& state) { dom(state, document(payloads().chunk("64k"))); }

BENCHMARK(request_small)->Name("simdjson/decode_headers/small");
BENCHMARK(request_large)->Name("simdjson/decode_headers/large");
BENCHMARK(parse_small)->Name("simdjson/parse_headers/small");
BENCHMARK(parse_large)->Name("simdjson/parse_headers/large");
BENCHMARK(parse_allow)->Name("simdjson/parse_allow");
BENCHMARK(parse_body)->Name("simdjson/parse_body/64k");

}  // namespace
}  // namespace picket::wire
