#include "bench/payloads.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/wire/internal/base64.hpp"

namespace picket::bench {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) throw std::runtime_error{fmt::format("cannot read '{}'", path.string())};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::filesystem::path folder(const char* variable, std::string_view otherwise) {
  const char* const value = std::getenv(variable);
  return value != nullptr ? std::filesystem::path{value} : std::filesystem::path{otherwise};
}

template <class T>
T member(const wire::Value& object, std::string_view name) {
  const auto* const found = object.find(name);
  const auto* const value = found != nullptr ? found->get<T>() : nullptr;
  if (value == nullptr) throw std::runtime_error{fmt::format("a description lacks '{}'", name)};
  return *value;
}

wire::Text text(const wire::Value& object, std::string_view name) { return member<std::string_view>(object, name); }
std::uint64_t number(const wire::Value& object, std::string_view name) {
  return static_cast<std::uint64_t>(member<std::int64_t>(object, name));
}
std::optional<wire::Text> optional_text(const wire::Value& object, std::string_view name) {
  const auto* const found = object.find(name);
  if (found == nullptr || found->is_null()) return std::nullopt;
  return text(object, name);
}

std::string generate(std::size_t size, std::uint32_t seed) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

wire::RequestMetadata metadata_of(const wire::Value& value) {
  return {.correlation_id = text(value, "correlation_id"),
          .request_id = text(value, "request_id"),
          .client_ip = text(value, "client_ip"),
          .client_port = static_cast<std::uint16_t>(number(value, "client_port")),
          .server_name = optional_text(value, "server_name"),
          .protocol = text(value, "protocol"),
          .tls_version = optional_text(value, "tls_version"),
          .tls_cipher = optional_text(value, "tls_cipher"),
          .route_id = optional_text(value, "route_id"),
          .upstream_id = optional_text(value, "upstream_id"),
          .timestamp = text(value, "timestamp"),
          .traceparent = optional_text(value, "traceparent")};
}

}  // namespace

Payloads::Payloads()
    : Payloads(folder("PICKET_BENCH_PAYLOADS", PICKET_SOURCE_DIR "/spec/vectors/bench"),
               folder("PICKET_BENCH_ENCODED", "")) {}

Payloads::Payloads(std::filesystem::path descriptions, std::filesystem::path encoded)
    : descriptions_(std::move(descriptions)), encoded_(std::move(encoded)) {}

std::string_view Payloads::keep(std::string text) {
  text.reserve(text.size() + base::limits::tail_padding);
  texts_.push_back(std::move(text));
  return texts_.back();
}

wire::Value Payloads::read(std::string_view name) {
  auto value = wire::parse_json(keep(content(descriptions_ / fmt::format("{}.json", name))), arena_);
  if (!value) throw std::runtime_error{fmt::format("{}: {}", name, value.error().message())};
  return *value;
}

wire::Headers Payloads::headers_of(const wire::Value& value) {
  base::ArenaList<wire::Header> fields{arena_};
  for (const wire::Value& pair : member<wire::Value::List>(value, "headers")) {
    const auto& name_and_values = *pair.get<wire::Value::List>();
    for (const wire::Value& header_value : *name_and_values[1].get<wire::Value::List>())
      fields.push_back({*name_and_values[0].get<std::string_view>(), *header_value.get<std::string_view>()});
  }
  return std::span<const wire::Header>{fields.items()};
}

LookAlike Payloads::look_alike(std::string_view size) {
  const wire::Value value = read(fmt::format("lookalike_{}", size));
  return {.correlation_id = text(value, "correlation_id"),
          .method = text(value, "method"),
          .uri = text(value, "uri"),
          .headers = headers_of(value),
          .client_ip = text(value, "client_ip"),
          .tls_version = optional_text(value, "tls_version")};
}

wire::RequestHeaders Payloads::request(std::string_view size) {
  const wire::Value value = read(fmt::format("request_{}", size));
  return {.metadata = metadata_of(*value.find("metadata")),
          .method = text(value, "method"),
          .uri = text(value, "uri"),
          .headers = headers_of(value)};
}

wire::AgentResponse Payloads::allow() {
  const wire::Value value = read("allow");
  return {.decision = wire::Allow{}, .correlation_id = text(value, "correlation_id")};
}

wire::RequestBodyChunk Payloads::chunk(std::string_view size) {
  const BinaryChunk chunk = binary_chunk(size);
  return {.correlation_id = chunk.correlation_id,
          .data = chunk.data,
          .is_last = true,
          .total_size = chunk.data.size(),
          .bytes_received = chunk.data.size()};
}

TextChunk Payloads::text_chunk(std::string_view size) {
  const BinaryChunk chunk = binary_chunk(size);
  std::string base64(wire::internal::base64_size(chunk.data.size()), '\0');
  wire::internal::encode_base64(chunk.data, base64.data());
  return {.correlation_id = chunk.correlation_id, .data = keep(std::move(base64))};
}

BinaryChunk Payloads::binary_chunk(std::string_view size) {
  const wire::Value value = read(fmt::format("body_{}", size));
  const auto seed = static_cast<std::uint32_t>(number(value, "seed"));
  const std::string_view body = keep(generate(number(value, "size"), seed));
  return {.correlation_id = text(value, "correlation_id"), .data = base::as_bytes(body)};
}

std::optional<std::string_view> Payloads::encoded(std::string_view name) {
  if (encoded_.empty()) return std::nullopt;
  return keep(content(encoded_ / name));
}

Payloads& payloads() {
  static Payloads instance;
  return instance;
}

}  // namespace picket::bench
