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

/// The same with every field looked up and every header visited, as a decoder on top of the DOM would have to.
void dom_request(benchmark::State& state, std::string_view payload) {
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
