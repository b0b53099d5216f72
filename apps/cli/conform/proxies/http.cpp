#include "apps/cli/conform/proxies/http.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "apps/cli/conform/violation.hpp"
#include "picket/base/headers.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";

std::string text_of(const HttpRequest& request) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nhost: conform.test\r\nconnection: close\r\n", request.method, request.target);
  for (const auto& [name, value] : request.fields) text += fmt::format("{}: {}\r\n", name, value);
  if (!request.body.empty()) text += fmt::format("content-length: {}\r\n", request.body.size());
  return text.append("\r\n").append(request.body);
}

}  // namespace

std::string HttpAnswer::field(std::string_view name) const {
  for (std::string_view rest = head; !rest.empty();) {
    const std::size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !base::same_name(line.substr(0, colon), name)) continue;
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    return value == std::string_view::npos ? std::string{} : std::string{line.substr(value)};
  }
  return {};
}

HttpCall::HttpCall(transport::Worker& worker, const transport::Endpoint& endpoint, const HttpRequest& request,
                   base::Duration patience)
    : line_(transport::Channel{worker}) {
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

HttpAnswer HttpCall::answer() const {
  constexpr std::size_t status_at = 9;  // behind "HTTP/1.1 "
  HttpAnswer answer;
  const std::string_view all = received_.text();
  const std::size_t end = all.find(end_of_head);
  if (end == std::string_view::npos) return answer;
  answer.head = all.substr(0, end);
  answer.body = all.substr(end + end_of_head.size());
  if (answer.head.size() > status_at)
    (void)std::from_chars(answer.head.data() + status_at, answer.head.data() + answer.head.size(), answer.status);
  return answer;
}

}  // namespace picket::apps::cli::conform::proxies
