#include "picket/http/fields.hpp"

#include <algorithm>
#include <array>

namespace picket::http {
namespace {

constexpr std::array<std::string_view, 12> of_one_hop{"connection",
                                                      "keep-alive",
                                                      "proxy-authenticate",
                                                      "proxy-authorization",
                                                      "te",
                                                      "trailer",
                                                      "transfer-encoding",
                                                      "upgrade",
                                                      "content-length",
                                                      "proxy-connection",
                                                      "http2-settings",
                                                      "expect"};

struct Phrase {
  std::uint16_t status;
  std::string_view text;
};

/// What IANA's registry of status codes names; in order.
constexpr std::array<Phrase, 62> reasons{{{100, "Continue"},
                                          {101, "Switching Protocols"},
                                          {102, "Processing"},
                                          {103, "Early Hints"},
                                          {104, "Upload Resumption Supported"},
                                          {200, "OK"},
                                          {201, "Created"},
                                          {202, "Accepted"},
                                          {203, "Non-Authoritative Information"},
                                          {204, "No Content"},
                                          {205, "Reset Content"},
                                          {206, "Partial Content"},
                                          {207, "Multi-Status"},
                                          {208, "Already Reported"},
                                          {226, "IM Used"},
                                          {300, "Multiple Choices"},
                                          {301, "Moved Permanently"},
                                          {302, "Found"},
                                          {303, "See Other"},
                                          {304, "Not Modified"},
                                          {305, "Use Proxy"},
                                          {307, "Temporary Redirect"},
                                          {308, "Permanent Redirect"},
                                          {400, "Bad Request"},
                                          {401, "Unauthorized"},
                                          {402, "Payment Required"},
                                          {403, "Forbidden"},
                                          {404, "Not Found"},
                                          {405, "Method Not Allowed"},
                                          {406, "Not Acceptable"},
                                          {407, "Proxy Authentication Required"},
                                          {408, "Request Timeout"},
                                          {409, "Conflict"},
                                          {410, "Gone"},
                                          {411, "Length Required"},
                                          {412, "Precondition Failed"},
                                          {413, "Content Too Large"},
                                          {414, "URI Too Long"},
                                          {415, "Unsupported Media Type"},
                                          {416, "Range Not Satisfiable"},
                                          {417, "Expectation Failed"},
                                          {421, "Misdirected Request"},
                                          {422, "Unprocessable Content"},
                                          {423, "Locked"},
                                          {424, "Failed Dependency"},
                                          {425, "Too Early"},
                                          {426, "Upgrade Required"},
                                          {428, "Precondition Required"},
                                          {429, "Too Many Requests"},
                                          {431, "Request Header Fields Too Large"},
                                          {451, "Unavailable For Legal Reasons"},
                                          {500, "Internal Server Error"},
                                          {501, "Not Implemented"},
                                          {502, "Bad Gateway"},
                                          {503, "Service Unavailable"},
                                          {504, "Gateway Timeout"},
                                          {505, "HTTP Version Not Supported"},
                                          {506, "Variant Also Negotiates"},
                                          {507, "Insufficient Storage"},
                                          {508, "Loop Detected"},
                                          {510, "Not Extended"},
                                          {511, "Network Authentication Required"}}};

/// Each character as CGI spells it.
constexpr auto spellings = [] {
  std::array<char, 256> table{};
  table.fill('-');
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = c;
  for (char c = 'a'; c <= 'z'; ++c)
    table[static_cast<unsigned char>(c)] = table[static_cast<unsigned char>(c - 0x20)] = c;
  return table;
}();
char spelled(char c) noexcept { return spellings[static_cast<unsigned char>(c)]; }

void remove(FieldList& fields, std::string_view name) {
  const auto items = fields.items();
  const auto end = std::remove_if(items.begin(), items.end(),
                                  [&](const base::Header& field) { return same_spelling(field.name, name); });
  fields.truncate(static_cast<std::size_t>(end - items.begin()));
}

}  // namespace

bool same_spelling(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, spelled, spelled);
}

bool stays_on_its_hop(std::string_view name) noexcept {
  return std::ranges::any_of(of_one_hop, [&](std::string_view other) { return same_spelling(name, other); });
}

void copy_end_to_end(const base::Headers& headers, FieldList& out) {
  for (const auto& field : headers)
    if (!stays_on_its_hop(field.name)) out.push_back(field);
}

const base::Header* find(const FieldList& fields, std::string_view name) noexcept {
  for (const auto& field : fields.items())
    if (base::same_name(field.name, name)) return &field;
  return nullptr;
}

void apply(base::HeaderOps ops, FieldList& fields, base::Arena& arena) {
  for (const auto& op : ops) {
    if (op.kind != base::HeaderOp::Kind::add) remove(fields, op.name);
    if (op.kind != base::HeaderOp::Kind::remove) fields.push_back({arena.copy(op.name), arena.copy(op.value)});
  }
}

void write_field(base::Buffer& out, std::string_view name, std::string_view value) {
  // copy_n moves memory; libstdc++ 12's ranges::copy goes byte by byte from `const char*` to `char*`.
  char* at = out.prepare(name.size() + value.size() + 4);
  at = std::copy_n(name.data(), name.size(), at);
  *at++ = ':';
  *at++ = ' ';
  at = std::copy_n(value.data(), value.size(), at);
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
  const auto* const found = std::ranges::lower_bound(reasons, status, {}, &Phrase::status);
  return found != reasons.end() && found->status == status ? found->text : std::string_view{};
}

}  // namespace picket::http
