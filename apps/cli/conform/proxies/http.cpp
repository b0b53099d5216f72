#include "apps/cli/conform/proxies/http.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/ranges.h>

#include "apps/cli/conform/violation.hpp"
#include "picket/base/headers.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";

std::string text_of(const HttpRequest& request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nhost: conform.test\r\n", request.method, request.target);
  const bool switches = std::ranges::any_of(request.fields, [](const auto& field) { return field.first == "upgrade"; });
  text += switches ? "connection: upgrade\r\n" : "connection: close\r\n";
  for (const auto& [name, value] : request.fields) text += fmt::format("{}: {}\r\n", name, value);
  if (!request.body.empty()) text += fmt::format("content-length: {}\r\n", request.body.size());
  return text.append("\r\n").append(request.body);
}

/// The values of a field, in their order.
std::vector<std::string_view> values_in(std::string_view head, std::string_view name) {
  std::vector<std::string_view> values;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !base::same_name(line.substr(0, colon), name)) continue;
    const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    values.push_back(line.substr(value));
  }
  return values;
}

std::size_t number(std::string_view text, int radix) {
  std::size_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value, radix);
  return value;
}

/// Takes chunks as far as they are there; whether the last one is.
bool join_chunks(std::string_view bytes, std::string& body) {
  while (true) {
    const std::size_t line = bytes.find("\r\n");
    if (line == std::string_view::npos) return false;
    const std::size_t size = number(bytes.substr(0, line), 16);
    bytes.remove_prefix(line + 2);
    if (size == 0) return true;
    body += bytes.substr(0, size);
    if (bytes.size() < size + 2) return false;
    bytes.remove_prefix(size + 2);
  }
}

}  // namespace

std::string HttpMessage::field(std::string_view name) const {
  const auto found = values_in(head, name);
  return found.empty() ? std::string{} : std::string{found.front()};
}

std::string HttpMessage::values(std::string_view name) const {
  return fmt::format("{}", fmt::join(values_in(head, name), ", "));
}

HttpMessage read_message(std::string_view bytes) {
  constexpr std::size_t status_at = 9;  // behind "HTTP/1.1 "
  HttpMessage message;
  const std::size_t end = bytes.find(end_of_head);
  if (end == std::string_view::npos) return message;
  message.head = bytes.substr(0, end);
  bytes.remove_prefix(end + end_of_head.size());
  if (message.head.starts_with("HTTP/"))
    message.status = static_cast<int>(number(message.head.substr(status_at, 3), 10));
  if (message.field("transfer-encoding") == "chunked") {
    message.is_whole = join_chunks(bytes, message.body);
    return message;
  }
  const std::string length = message.field("content-length");
  message.body = bytes;
  message.is_whole = length.empty() || bytes.size() >= number(length, 10);
  return message;
}

HttpCall::HttpCall(transport::Worker& worker, const transport::Endpoint& endpoint, const HttpRequest& request,
                   base::Duration patience)
    : line_(transport::Channel{worker}), patience_(patience) {
  const base::TimePoint deadline = base::Clock::now() + patience;
  if (const auto dialled = line_.dial(endpoint, deadline); !dialled) throw Unreachable{dialled.error().message()};
  (void)line_.write(text_of(request), deadline).has_value();
}

bool HttpCall::poll() {
  while (!is_whole_) {
    const auto got = line_.read(received_, base::TimePoint{});
    if (got == Line::Got::nothing) break;
    is_whole_ = got == Line::Got::end;
  }
  return is_whole_;
}

void HttpCall::write(std::string_view bytes) { (void)line_.write(bytes, base::Clock::now() + patience_).has_value(); }

HttpMessage HttpCall::answer() const { return read_message(received_.text()); }

}  // namespace picket::apps::cli::conform::proxies
