#include "apps/gateway/answers/call_answer.hpp"

#include <array>

#include <fmt/format.h>

#include "picket/http/fields.hpp"

namespace picket::apps::gateway::answers {
namespace {

constexpr std::size_t longest_message = 256;

/// Printable ASCII stays, all else and '%' as %XX.
std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string_view message_of(const inspection::Answer& answer) noexcept {
  std::string_view text = answer.body;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const base::Header* const type = http::find(answer.fields, "content-type");
  const bool is_plain = type == nullptr || base::same_name(type->value.substr(0, 10), "text/plain");
  if (is_plain && !text.empty() && text.size() <= longest_message) return text;
  return http::standard_reason(answer.status);
}

}  // namespace

bool is_grpc(const base::Headers& request) noexcept {
  constexpr std::string_view grpc = "application/grpc";
  const auto type = request.find("content-type");
  if (!type || !base::same_name(type->substr(0, grpc.size()), grpc)) return false;
  return type->size() == grpc.size() || (*type)[grpc.size()] == '+' || (*type)[grpc.size()] == ';';
}

std::uint8_t grpc_status_of(std::uint16_t http_status) noexcept {
  switch (http_status) {
    case 400: return 13;  // INTERNAL
    case 401: return 16;  // UNAUTHENTICATED
    case 403: return 7;   // PERMISSION_DENIED
    case 404: return 12;  // UNIMPLEMENTED
    case 413: return 8;   // RESOURCE_EXHAUSTED
    case 429:
    case 502:
    case 503:
    case 504: return 14;  // UNAVAILABLE
    default: return 2;    // UNKNOWN
  }
}

void make_grpc(inspection::Answer& answer, base::Arena& arena) {
  const std::string message = encoded(message_of(answer));
  const std::string status = fmt::format("{}", grpc_status_of(answer.status));
  using Kind = base::HeaderOp::Kind;
  const std::array<base::HeaderOp, 4> operations{{{Kind::remove, "content-length", {}},
                                                  {Kind::set, "content-type", "application/grpc"},
                                                  {Kind::set, "grpc-status", status},
                                                  {Kind::set, "grpc-message", message}}};
  http::apply(operations, answer.fields, arena);
  answer.status = 200;
  answer.body = {};
}

}  // namespace picket::apps::gateway::answers
