#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/cli/conform/proxies/proxy.hpp"

/// What rules about proxies have in common: an agent that answers so, a client that asks so, and what is expected.
namespace picket::apps::cli::conform::proxies {

/// A status that no other part of a test makes.
inline constexpr std::uint16_t blocked = 451;
/// Long enough for what must not come to be on its way.
inline constexpr std::chrono::milliseconds a_while{100};

/// For what takes half a minute by the protocol, with --slow.
inline constexpr std::chrono::seconds a_long_time{75};

/// How an agent answers an event.
using Answer = std::function<void(Served&, const Heard&)>;

[[nodiscard]] inline wire::Block block(std::uint16_t status = blocked) noexcept {
  return {.status = status, .body = {}, .headers = {}};
}
[[nodiscard]] inline HttpRequest get(std::string_view target) {
  return {.method = "GET", .target = target, .fields = {}, .body = {}};
}
[[nodiscard]] inline HttpRequest post(std::string_view body) {
  return {.method = "POST", .target = "/conform", .fields = {}, .body = body};
}
/// A body of several chunks, with every byte in it.
[[nodiscard]] std::string long_body();

/// What a client gets where events of that type are answered so, and all others allowed. What comes when it has its
/// answer is answered as by default.
[[nodiscard]] HttpMessage answered(Proxy& proxy, wire::FrameType type, const Answer& answer,
                                   const HttpRequest& request = {});
[[nodiscard]] HttpMessage answered(Proxy& proxy, wire::FrameType type, const wire::AgentResponse& response,
                                   const HttpRequest& request = {});
/// The same of request_headers.
[[nodiscard]] HttpMessage answered(Proxy& proxy, const Answer& answer);
[[nodiscard]] HttpMessage answered(Proxy& proxy, const wire::AgentResponse& response);
/// Where it is answered with that JSON, `@` in it standing for the id.
[[nodiscard]] HttpMessage answered_with(Proxy& proxy, std::string_view json);
[[nodiscard]] std::string with_id(std::string_view json, std::string_view id);

void expect_status(const HttpMessage& answer, int status);
/// What an agent must not say is a failure: the client gets none of it.
void expect_failure(const HttpMessage& answer);
void expect_allowed(const HttpMessage& answer);

/// Goes on until the client has its answer.
[[nodiscard]] HttpMessage finish(Proxy& proxy, HttpCall& call);
void await_complete(Proxy& proxy);
/// Makes a request again and again, until the agent is asked about one or a while is over: what must not come has had
/// its chance.
void keep_asking(Proxy& proxy, const HttpRequest& request);
/// A request that the agent is asked about, to its end.
void ask_agent(Proxy& proxy, const HttpRequest& request);
/// Throws Skipped unless what takes long is tested, too.
void need_time(const Proxy& proxy);
/// Throws Skipped where no event of that type has come.
void need_some(const Proxy& proxy, wire::FrameType type);
/// Throws Skipped where the proxy shows no request bodies to an agent that takes them. Closes every connection: what
/// the agent says that it is from then on holds for those that come.
void need_bodies(Proxy& proxy);
/// One more connection that is taken: the proxy may count those still of which it has not seen the end. Throws Skipped
/// where it goes on refusing, as it may.
[[nodiscard]] Served& joined(Proxy& proxy, const Registration& registration);

/// All events of that type, read. Throws Skipped where there is none. Lifetime: the arena's and the proxy's.
template <class Event>
[[nodiscard]] std::vector<Event> all_of(const Proxy& proxy, base::Arena& arena) {
  need_some(proxy, Event::type);
  std::vector<Event> events;
  for (const Heard* const heard : proxy.of(Event::type)) events.push_back(heard->as<Event>(arena));
  return events;
}

/// Events of some types that are not answered until the rule does it; all others are allowed.
class Held {
 public:
  Held(Proxy& proxy, std::initializer_list<wire::FrameType> types);
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { proxy_.answer_all_plainly(); }

  [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
  [[nodiscard]] const Heard& event(std::size_t index) const { return events_.at(index).heard; }
  [[nodiscard]] Served& connection(std::size_t index) const { return *events_.at(index).connection; }
  /// Goes on until there are so many.
  void await(std::size_t count);
  void answer(std::size_t index, const wire::AgentResponse& response);
  void answer(std::size_t index, const wire::Decision& decision = wire::Allow{}) {
    answer(index, wire::AgentResponse{.decision = decision});
  }
  /// Allows those that are held, and all that come.
  void release();

 private:
  struct Event {
    Served* connection;
    Heard heard;
    bool is_answered = false;
  };

  Proxy& proxy_;
  std::vector<wire::FrameType> types_;
  std::deque<Event> events_;
};

}  // namespace picket::apps::cli::conform::proxies
