#include "apps/cli/conform/proxies/scenes.hpp"

#include <algorithm>

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

constexpr int server_error = 500;
constexpr int forbidden = 403;

}  // namespace

std::string long_body() {
  std::string body(200'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7);
  return body;
}

HttpMessage answered(Proxy& proxy, FrameType type, const Answer& answer, const HttpRequest& request) {
  proxy.answering = [&proxy, type, answer](Served& connection, const Heard& heard) {
    if (heard.frame.type == type) return answer(connection, heard);
    proxy.answer_plainly(connection, heard);
  };
  HttpMessage got = proxy.ask(request);
  proxy.answer_all_plainly();  // what comes later must not meet an answer that refers to what is the caller's
  return got;
}

HttpMessage answered(Proxy& proxy, FrameType type, const wire::AgentResponse& response, const HttpRequest& request) {
  return answered(
      proxy, type, [&](Served& connection, const Heard& heard) { connection.answer(heard, response); }, request);
}

HttpMessage answered(Proxy& proxy, const Answer& answer) { return answered(proxy, FrameType::request_headers, answer); }
HttpMessage answered(Proxy& proxy, const wire::AgentResponse& response) {
  return answered(proxy, FrameType::request_headers, response);
}

std::string with_id(std::string_view json, std::string_view id) {
  std::string text{json};
  if (const auto at = text.find('@'); at != std::string::npos) text.replace(at, 1, id);
  return text;
}

HttpMessage answered_with(Proxy& proxy, std::string_view json) {
  return answered(proxy, FrameType::request_headers, [json](Served& connection, const Heard& heard) {
    connection.say_frame(FrameType::agent_response, with_id(json, heard.id));
  });
}

void expect_status(const HttpMessage& answer, int status) {
  expect(answer.status == status, "the client gets {} instead of {}", answer.status, status);
}
void expect_failure(const HttpMessage& answer) {
  expect(answer.status >= server_error, "the client gets {}", answer.status);
}
void expect_allowed(const HttpMessage& answer) {
  expect(answer.status != 0 && answer.status < server_error && answer.status != forbidden, "the client gets {}",
         answer.status);
}

HttpMessage finish(Proxy& proxy, HttpCall& call) {
  proxy.await("answer to the client", [&] { return call.poll(); });
  return call.answer();
}

void await_complete(Proxy& proxy) {
  proxy.await("request_complete", [&] { return !proxy.of(FrameType::request_complete).empty(); });
}

void keep_asking(Proxy& proxy, const HttpRequest& request) {
  constexpr std::chrono::milliseconds between{20};
  (void)proxy.open();
  const std::size_t before = proxy.of(FrameType::request_headers).size();
  const base::TimePoint end = base::Clock::now() + 2 * a_while;
  while (base::Clock::now() < end && proxy.of(FrameType::request_headers).size() == before) {
    (void)finish(proxy, *proxy.send(request));
    proxy.go_on_for(between);
  }
}

void need_time(const Proxy& proxy) { need(proxy.options().slow, "it takes half a minute: --slow"); }

void need_some(const Proxy& proxy, FrameType type) {
  need(!proxy.of(type).empty(), "the proxy sends no {}", name(type));
}

void ask_agent(Proxy& proxy, const HttpRequest& request) {
  const auto call = proxy.send_to_agent(request);
  (void)finish(proxy, *call);
}

void need_bodies(Proxy& proxy) {
  ask_agent(proxy, post("conform"));
  need_some(proxy, FrameType::request_body_chunk);
  proxy.close_all();
}

Served& joined(Proxy& proxy, const Registration& registration) {
  constexpr std::chrono::milliseconds before_retry{20};
  const base::TimePoint deadline = base::Clock::now() + proxy.options().patience;
  while (true) {
    Served& connection = proxy.join(registration);
    if (connection.is_open()) return connection;
    need(base::Clock::now() < deadline, "it takes no more connections of one agent");
    proxy.go_on_for(before_retry);
  }
}

Held::Held(Proxy& proxy, std::initializer_list<FrameType> types) : proxy_(proxy), types_(types) {
  proxy_.answering = [this](Served& connection, const Heard& heard) {
    if (std::ranges::find(types_, heard.frame.type) == types_.end()) return proxy_.answer_plainly(connection, heard);
    events_.push_back({.connection = &connection, .heard = heard});
  };
}

void Held::await(std::size_t count) {
  proxy_.await(fmt::format("{} {}", count, name(types_.front())), [&] { return size() >= count; });
}

void Held::answer(std::size_t index, const wire::AgentResponse& response) {
  connection(index).answer(event(index), response);
  events_[index].is_answered = true;
}

void Held::release() {
  types_.clear();
  for (std::size_t i = 0; i < size(); ++i)
    if (!events_[i].is_answered) answer(i);
}

}  // namespace picket::apps::cli::conform::proxies
