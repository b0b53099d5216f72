#include "apps/gateway/http/fields.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace picket::apps::gateway::http {
namespace {

constexpr std::array<std::string_view, 11> hop_by_hop{
    "connection",        "keep-alive", "proxy-authenticate", "proxy-authorization", "te",    "trailer",
    "transfer-encoding", "upgrade",    "content-length",     "proxy-connection",    "expect"};

/// Calls `use` for each item of a comma-separated list.
template <class Use>
void for_each_item(std::string_view list, Use&& use) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (!item.empty()) use(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

bool named_by_connection(const wire::Headers& headers, std::string_view name) {
  bool named = false;
  for (const auto& field : headers)
    if (wire::same_name(field.name, "connection"))
      for_each_item(field.value, [&](std::string_view item) { named = named || wire::same_name(item, name); });
  return named;
}

}  // namespace

bool is_hop_by_hop(std::string_view name) noexcept {
  return std::ranges::any_of(hop_by_hop, [&](std::string_view other) { return wire::same_name(name, other); });
}

void copy_end_to_end(const wire::Headers& headers, FieldList& out) {
  const bool has_connection = headers.find("connection").has_value();
  for (const auto& field : headers)
    if (!is_hop_by_hop(field.name) && !(has_connection && named_by_connection(headers, field.name)))
      out.push_back(field);
}

void remove(FieldList& fields, std::string_view name) {
  const auto items = fields.items();
  const auto end = std::remove_if(items.begin(), items.end(),
                                  [&](const wire::Header& field) { return wire::same_name(field.name, name); });
  fields.truncate(static_cast<std::size_t>(end - items.begin()));
}

const wire::Header* find(const FieldList& fields, std::string_view name) noexcept {
  for (const auto& field : fields.items())
    if (wire::same_name(field.name, name)) return &field;
  return nullptr;
}

void apply(wire::HeaderOps ops, FieldList& fields, base::Arena& arena) {
  for (const auto& op : ops) {
    if (op.kind != wire::HeaderOp::Kind::add) remove(fields, op.name);
    if (op.kind != wire::HeaderOp::Kind::remove) fields.push_back({arena.copy(op.name), arena.copy(op.value)});
  }
}

void write_field(base::Buffer& out, std::string_view name, std::string_view value) {
  char* at = out.prepare(name.size() + value.size() + 4);
  at = std::ranges::copy(name, at).out;
  *at++ = ':';
  *at++ = ' ';
  at = std::ranges::copy(value, at).out;
  *at++ = '\r';
  *at++ = '\n';
  out.commit(name.size() + value.size() + 4);
}

void write_fields(base::Buffer& out, const FieldList& fields) {
  for (const auto& field : fields.items()) write_field(out, field.name, field.value);
}

void write_request_line(base::Buffer& out, std::string_view method, std::string_view target) {
  out.append(method);
  out.append(" ");
  out.append(target);
  out.append(" HTTP/1.1\r\n");
}

void write_status_line(base::Buffer& out, std::uint16_t status, std::string_view reason) {
  std::array<char, 16> line{'H', 'T', 'T', 'P', '/', '1', '.', '1', ' '};
  line[9] = static_cast<char>('0' + status / 100 % 10);
  line[10] = static_cast<char>('0' + status / 10 % 10);
  line[11] = static_cast<char>('0' + status % 10);
  line[12] = ' ';
  out.append({line.data(), 13});
  out.append(reason.empty() ? standard_reason(status) : reason);
  out.append("\r\n");
}

std::string_view standard_reason(std::uint16_t status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Answer";
  }
}

}  // namespace picket::apps::gateway::http
