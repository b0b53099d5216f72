#include "picket/transport/frame_header.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "picket/base/limits.hpp"

namespace picket::transport {
namespace {

constexpr std::size_t length_size = 4;

std::size_t length_of(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

void put_length(char* out, std::size_t length) noexcept {
  out[0] = static_cast<char>(length >> 24);
  out[1] = static_cast<char>(length >> 16);
  out[2] = static_cast<char>(length >> 8);
  out[3] = static_cast<char>(length);
}

/// What another protocol begins with, for who has to find out why two programs do not understand each other.
struct Stranger {
  std::string_view begins;
  std::string_view protocol;
};
constexpr std::array strangers{Stranger{"PRI ", "HTTP/2 begins: gRPC is spoken there"},
                               Stranger{"\x16\x03", "TLS begins"},
                               Stranger{"\x15\x03", "TLS says that it did not understand us"},
                               Stranger{"HTTP", "HTTP answers"},
                               Stranger{"GET ", "HTTP begins"},
                               Stranger{"POST", "HTTP begins"}};

std::string stranger_in(std::string_view bytes) {
  const auto* const found =
      std::ranges::find_if(strangers, [&](const Stranger& stranger) { return bytes.starts_with(stranger.begins); });
  return found != strangers.end() ? fmt::format("; so {}", found->protocol) : std::string{};
}

/// A server of HTTP/2 begins with its settings: nine bytes of header, of type 4, for itself.
bool is_settings_of_http2(std::string_view bytes) noexcept {
  return bytes.starts_with(std::string_view{"\0\0", 2}) && bytes[3] == 4;
}

base::Status check_length(std::size_t length, std::string_view bytes) {
  if (length == 0) return base::fail(base::ErrorKind::invalid_message, "a frame of length 0: it has no type byte");
  if (length <= base::limits::max_frame_length) return {};
  return base::fail(base::ErrorKind::message_too_large,
                    fmt::format("a frame of {} bytes; at most {} are allowed{}", length, base::limits::max_frame_length,
                                stranger_in(bytes)));
}

wire::FrameType type_of(std::string_view bytes) noexcept {
  return static_cast<wire::FrameType>(static_cast<unsigned char>(bytes[length_size]));
}

FramePeek whole_frame(std::string_view bytes, std::size_t length) {
  const std::size_t whole = length_size + length;
  if (bytes.size() < whole) return {.frame = {}, .needed = whole};
  return {.frame = wire::FrameView{type_of(bytes), bytes.substr(frame_header_size, length - 1)}, .needed = whole};
}

}  // namespace

base::Result<FramePeek> peek_frame(std::string_view bytes) {
  if (bytes.size() < length_size) return FramePeek{.frame = {}, .needed = length_size};
  const std::size_t length = length_of(bytes);
  PICKET_TRY(check_length(length, bytes));
  if (bytes.size() < frame_header_size) return FramePeek{.frame = {}, .needed = frame_header_size};
  const auto type = type_of(bytes);
  if (!is_known(type))
    return base::fail(base::ErrorKind::invalid_message,
                      fmt::format("unknown frame type 0x{:02x}{}", static_cast<unsigned>(type),
                                  is_settings_of_http2(bytes) ? "; so HTTP/2 answers: gRPC is spoken there" : ""));
  return whole_frame(bytes, length);
}

base::Result<FramePeek> peek_frame_of_any_type(std::string_view bytes) {
  if (bytes.size() < length_size) return FramePeek{.frame = {}, .needed = length_size};
  const std::size_t length = length_of(bytes);
  PICKET_TRY(check_length(length, bytes));
  if (bytes.size() < frame_header_size) return FramePeek{.frame = {}, .needed = frame_header_size};
  return whole_frame(bytes, length);
}

base::Result<FramePeek> peek_untyped_frame(std::string_view bytes) {
  if (bytes.size() < length_size) return FramePeek{.frame = {}, .needed = length_size};
  const std::size_t length = length_of(bytes);
  if (length == 0) return base::fail(base::ErrorKind::invalid_message, "a message of length 0, which is no JSON");
  PICKET_TRY(check_length(length, bytes));
  const std::size_t whole = length_size + length;
  if (bytes.size() < whole) return FramePeek{.frame = {}, .needed = whole};
  return FramePeek{.frame = wire::FrameView{wire::FrameType::agent_response, bytes.substr(length_size, length)},
                   .needed = whole};
}

void write_frame_header(char* out, wire::FrameType type, std::size_t payload_size) noexcept {
  put_length(out, payload_size + 1);
  out[length_size] = static_cast<char>(type);
}

void write_untyped_header(char* out, wire::FrameType, std::size_t payload_size) noexcept {
  put_length(out, payload_size);
}

}  // namespace picket::transport
