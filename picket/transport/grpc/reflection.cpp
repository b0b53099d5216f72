#include "picket/transport/grpc/reflection.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include "picket/transport/grpc/descriptors.hpp"
#include "picket/transport/grpc_status.hpp"

namespace picket::transport::grpc {
namespace {

// ---- protobuf, as much as descriptors need

constexpr std::uint32_t as_bytes = 2;  // the wire type of texts and messages

/// Takes a varint from the front; none where there is none.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

struct Field {
  std::uint64_t number;
  std::string_view whole;  // with its tag
  std::string_view bytes;  // of a text or a message
};

std::optional<std::string_view> take_value(std::uint64_t type, std::string_view& bytes) {
  std::optional<std::uint64_t> size;
  switch (type) {
    case 0: return take_varint(bytes) ? std::optional{std::string_view{}} : std::nullopt;
    case 1: size = 8; break;
    case as_bytes: size = take_varint(bytes); break;
    case 5: size = 4; break;
    default: return std::nullopt;
  }
  if (!size || *size > bytes.size()) return std::nullopt;
  const std::string_view value = bytes.substr(0, *size);
  bytes.remove_prefix(*size);
  return type == as_bytes ? value : std::string_view{};
}

/// Takes a field from the front; none where the bytes are none.
std::optional<Field> take_field(std::string_view& bytes) {
  const std::string_view start = bytes;
  const auto tag = take_varint(bytes);
  if (!tag) return std::nullopt;
  const auto value = take_value(*tag & 7, bytes);
  if (!value) return std::nullopt;
  return Field{*tag >> 3, start.substr(0, start.size() - bytes.size()), *value};
}

/// Calls `use(field) -> bool` for each field of that number until it says true; returns whether it did.
template <class Use>
bool any_field(std::string_view message, std::uint64_t number, Use use) {
  while (!message.empty()) {
    const auto field = take_field(message);
    if (!field) return false;
    if (field->number == number && use(*field)) return true;
  }
  return false;
}

std::string_view text_of(std::string_view message, std::uint64_t number) {
  std::string_view text;
  any_field(message, number, [&](const Field& field) {
    text = field.bytes;
    return true;
  });
  return text;
}

void put(std::string& out, std::uint32_t number, std::string_view bytes) {
  const auto put_varint = [&](std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
  };
  put_varint(number << 3 | as_bytes);
  put_varint(bytes.size());
  out += bytes;
}

// ---- descriptor.proto

constexpr std::uint64_t name_of = 1;  // of whatever has one
constexpr std::uint64_t file_of_set = 1;
constexpr std::uint64_t package_of_file = 2;
constexpr std::array<std::uint64_t, 3> top_level{4, 5, 6};  // messages, enumerations, services
constexpr std::uint64_t service_of_file = 6;
/// Fields, or values, or methods; messages; enumerations; unions.
constexpr std::array<std::uint64_t, 4> nested{2, 3, 4, 8};

/// Whether `name`, with dots between its parts, is declared in there.
template <std::size_t size>
bool declares(std::string_view descriptor, const std::array<std::uint64_t, size>& members, std::string_view name) {
  const std::size_t dot = name.find('.');
  for (const std::uint64_t number : members) {
    const bool is_here = any_field(descriptor, number, [&](const Field& member) {
      if (text_of(member.bytes, name_of) != name.substr(0, dot)) return false;
      return dot == std::string_view::npos || declares(member.bytes, nested, name.substr(dot + 1));
    });
    if (is_here) return true;
  }
  return false;
}

bool file_declares(std::string_view file, std::string_view symbol) {
  const std::string_view package = text_of(file, package_of_file);
  if (!symbol.starts_with(package) || !symbol.substr(package.size()).starts_with('.')) return false;
  return declares(file, top_level, symbol.substr(package.size() + 1));
}

// ---- the request's and the response's numbers

constexpr std::uint64_t host = 1;
constexpr std::uint64_t by_filename = 3;
constexpr std::uint64_t by_symbol = 4;
constexpr std::uint64_t list_services = 7;

constexpr std::uint32_t valid_host = 1;
constexpr std::uint32_t original_request = 2;
constexpr std::uint32_t file_response = 4;
constexpr std::uint32_t services_response = 6;
constexpr std::uint32_t error_response = 7;

void put_error(std::string& out, GrpcStatus status, std::string_view words) {
  std::string error{"\x08"};
  error += static_cast<char>(status);
  put(error, 2, words);
  put(out, error_response, error);
}

/// The first file for which `is_it(descriptor)` holds.
template <class Matches>
void put_file(std::string& out, Matches is_it) {
  const bool is_found = any_field(descriptors(), file_of_set, [&](const Field& file) {
    if (!is_it(file.bytes)) return false;
    std::string response;
    put(response, 1, file.bytes);
    put(out, file_response, response);
    return true;
  });
  if (!is_found) put_error(out, GrpcStatus::not_found, "nothing of that name is described here");
}

void put_services(std::string& out) {
  std::string list;
  any_field(descriptors(), file_of_set, [&](const Field& file) {
    any_field(file.bytes, service_of_file, [&](const Field& service) {
      std::string name;
      put(name, 1,
          std::string{text_of(file.bytes, package_of_file)}.append(".").append(text_of(service.bytes, name_of)));
      put(list, 1, name);
      return false;
    });
    return false;
  });
  put(out, services_response, list);
}

void put_answer(std::string& out, const Field& asked) {
  switch (asked.number) {
    case by_filename:
      return put_file(out, [&](std::string_view file) { return text_of(file, name_of) == asked.bytes; });
    case by_symbol: return put_file(out, [&](std::string_view file) { return file_declares(file, asked.bytes); });
    case list_services: return put_services(out);
    default: return put_error(out, GrpcStatus::not_found, "no message here has extensions");
  }
}

}  // namespace

base::Result<std::string> reflect(std::string_view request) {
  std::string answer;
  std::optional<Field> asked;
  for (std::string_view rest = request; !rest.empty();) {
    const auto field = take_field(rest);
    if (!field) return base::fail(base::ErrorKind::invalid_message, "bytes that are no ServerReflectionRequest");
    if (field->number == host) put(answer, valid_host, field->bytes);
    if (field->number >= by_filename && field->number <= list_services) asked = field;
  }
  put(answer, original_request, request);
  if (asked) {
    put_answer(answer, *asked);
  } else {
    put_error(answer, GrpcStatus::invalid_argument, "the request asks nothing");
  }
  return answer;
}

}  // namespace picket::transport::grpc
