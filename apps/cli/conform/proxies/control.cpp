#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

/// Whether a proxy does what agents say of themselves: how they are, how much they want to be sent, what they can bear.
namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FlowAction;
using wire::FlowControl;
using wire::FrameType;
using wire::HealthState;
using wire::HealthStatus;

/// How many exchanges have begun on a connection since it was watched.
class Watched {
 public:
  Watched(Proxy& proxy, const Served& connection) {
    proxy.answering = [this, &proxy, &connection](Served& at, const Heard& heard) {
      if (&at == &connection && heard.frame.type == FrameType::request_headers) ++count_;
      proxy.answer_plainly(at, heard);
    };
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() = default;

  [[nodiscard]] int count() const noexcept { return count_; }

 private:
  int count_ = 0;
};

/// A connection that is in use, and whose agent has said that and been heard.
template <class Message>
Served& after(Proxy& proxy, const Message& message) {
  (void)proxy.ask();
  Served& connection = proxy.open();
  connection.say(message);
  proxy.expect_served(connection);
  return connection;
}

/// No exchange begins on a connection whose agent is so.
void expect_left_alone(Proxy& proxy, const HealthStatus& status) {
  const Served& connection = after(proxy, status);
  const Watched watched{proxy, connection};
  const auto call = proxy.send({});
  (void)finish(proxy, *call);
  expect(watched.count() == 0, "one came");
}

/// A request is asked about, and goes on.
void expect_used(Proxy& proxy) {
  const std::size_t before = proxy.of(FrameType::request_headers).size();
  expect_allowed(proxy.ask());
  expect(proxy.of(FrameType::request_headers).size() > before, "the agent is not asked");
}

/// No exchange begins where the agent says the first, and some do after the second.
void expect_pause(Proxy& proxy, const FlowControl& pause, const FlowControl& resume) {
  Served& connection = after(proxy, pause);
  const Watched watched{proxy, connection};
  const auto call = proxy.send({});
  proxy.go_on_for(a_while);
  expect(watched.count() == 0, "one came");
  connection.say(resume);
  (void)finish(proxy, *call);
  proxy.expect_served(connection);
  expect_used(proxy);
}

FlowControl flow(FlowAction action, std::uint64_t available = 0) {
  return {.correlation_id = {}, .action = action, .buffer_available = available, .timestamp_ms = 1};
}
FlowControl flow_of(const Heard& event, FlowAction action) {
  return {.correlation_id = event.id, .action = action, .timestamp_ms = 1};
}

HealthStatus status(HealthState state) { return {.agent_id = "a", .state = state, .timestamp_ms = 1}; }

constexpr std::array<wire::Text, 1> body_chunks{"request_body_chunk"};

/// Goes on until a ping comes, beside those that have come.
void await_ping(Proxy& proxy, std::size_t before) {
  proxy.await("ping", [&] { return proxy.of(FrameType::ping).size() > before; });
}

/// How long a proxy waits for an answer: until the client has one all the same.
base::Duration patience_of(Proxy& proxy) {
  Held heads{proxy, {FrameType::request_headers}};
  const auto call = proxy.send_to_agent({});
  const base::TimePoint began = base::Clock::now();
  (void)finish(proxy, *call);
  return base::Clock::now() - began;
}

/// How much of request bodies is shown.
std::size_t bytes_shown(const Proxy& proxy) {
  base::Arena arena;
  std::size_t size = 0;
  for (const Heard* const heard : proxy.of(FrameType::request_body_chunk))
    size += heard->as<wire::RequestBodyChunk>(arena).data.size();
  return size;
}

std::size_t largest_chunk(const Proxy& proxy) {
  base::Arena arena;
  std::size_t size = 0;
  for (const auto& chunk : all_of<wire::RequestBodyChunk>(proxy, arena)) size = std::max(size, chunk.data.size());
  return size;
}

/// The numbers of the kinds that the proxy says that it sends. Throws Skipped where it does not say.
std::vector<std::int64_t> announced_events(Proxy& proxy) {
  const wire::Value* const found = proxy.open().hello().find("events");
  const auto* const list = found == nullptr ? nullptr : found->get<wire::Value::List>();
  need(list != nullptr, "the proxy does not say which events it sends");
  std::vector<std::int64_t> numbers;
  for (const wire::Value& each : *list)
    if (const auto* const number = each.get<std::int64_t>()) numbers.push_back(*number);
  return numbers;
}

/// The number of a kind of event that is announced; 0: it is none.
std::int64_t number_of(FrameType type) {
  if (type == FrameType::request_complete) return 0;  // it comes in any case
  if (type < FrameType::request_headers || type > FrameType::guardrail_inspect) return 0;
  return static_cast<std::int64_t>(type) - static_cast<std::int64_t>(FrameType::request_headers) + 1;
}

constexpr std::array rules{
    ProxyRule{"health.draining", "6", "An agent that drains gets no new exchange on that connection.",
              Scope::everywhere, [](Proxy& proxy) { expect_left_alone(proxy, status(HealthState::draining)); }},
    ProxyRule{"health.unhealthy", "6", "An agent that is unhealthy gets no new exchange on that connection.",
              Scope::everywhere, [](Proxy& proxy) { expect_left_alone(proxy, status(HealthState::unhealthy)); }},
    ProxyRule{"health.recovered", "6", "An agent that is healthy again is asked again.", Scope::everywhere,
              [](Proxy& proxy) {
                Served& connection = after(proxy, status(HealthState::unhealthy));
                connection.say(status(HealthState::healthy));
                proxy.expect_served(connection);
                expect_used(proxy);
              }},
    ProxyRule{"health.valid-until", "6", "A HealthStatus that is valid no longer is as if it had not been said.",
              Scope::everywhere,
              [](Proxy& proxy) {
                HealthStatus passing = status(HealthState::unhealthy);
                passing.timestamp_ms = 1'000'000;
                passing.valid_until_ms = 1'000'050;
                (void)after(proxy, passing);
                proxy.go_on_for(a_while);
                expect_used(proxy);
              }},
    ProxyRule{"health.disabled", "6", "Events of a kind that is disabled are not sent.", Scope::everywhere,
              [](Proxy& proxy) {
                need_bodies(proxy);
                HealthStatus degraded = status(HealthState::degraded);
                degraded.disabled_features = body_chunks;
                (void)after(proxy, degraded);
                keep_asking(proxy, post("conform"));
                expect(proxy.of(FrameType::request_body_chunk).empty(), "one came");
              }},
    ProxyRule{"health.multiplier", "6", "timeout_multiplier stretches time-outs.", Scope::everywhere,
              [](Proxy& proxy) {
                const base::Duration patience = patience_of(proxy);
                HealthStatus degraded = status(HealthState::degraded);
                degraded.timeout_multiplier = 10;
                (void)after(proxy, degraded);
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent({});
                proxy.go_on_for(patience + patience / 2);
                heads.answer(0, block());
                expect_status(finish(proxy, *call), blocked);
              }},
    ProxyRule{"flow.pause", "6", "An agent that pauses gets no new exchange on that connection until it resumes.",
              Scope::everywhere,
              [](Proxy& proxy) { expect_pause(proxy, flow(FlowAction::pause), flow(FlowAction::resume)); }},
    ProxyRule{"flow.no-capacity", "6", "A capacity of 0 bytes is a pause, and one of more ends it.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_pause(proxy, flow(FlowAction::update_capacity),
                             flow(FlowAction::update_capacity, std::uint64_t{1} << 20));
              }},
    ProxyRule{"flow.capacity", "6", "No more bytes of bodies wait for an answer than the agent has room for.",
              Scope::everywhere,
              [](Proxy& proxy) {
                (void)after(proxy, flow(FlowAction::update_capacity, 4096));
                (void)proxy.ask(post(long_body()));
                const std::size_t most = largest_chunk(proxy);  // they are answered one by one
                expect(most <= 4096, "{} do", most);
              }},
    ProxyRule{"flow.exchange", "6", "A pause of an exchange holds its body back until it resumes.", Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent(post("conform"));
                heads.connection(0).say(flow_of(heads.event(0), FlowAction::pause));
                heads.answer(0);
                proxy.go_on_for(a_while);
                expect(proxy.of(FrameType::request_body_chunk).empty(), "a chunk came");
                heads.connection(0).say(flow_of(heads.event(0), FlowAction::resume));
                (void)finish(proxy, *call);
                need_some(proxy, FrameType::request_body_chunk);
              }},
    ProxyRule{"flow.others", "6", "A pause of an exchange is about no other.", Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto paused = proxy.send_to_agent(post("conform"));
                heads.connection(0).say(flow_of(heads.event(0), FlowAction::pause));
                proxy.expect_served(heads.connection(0));  // it has heard that
                const auto other = proxy.send_to_agent(get("/conform/other"));
                heads.answer(1, block());
                expect_status(finish(proxy, *other), blocked);
                heads.answer(0, block());
                expect_status(finish(proxy, *paused), blocked);
              }},
    ProxyRule{"limits.body", "3", "No more of a body is sent than max_body_size.", Scope::everywhere,
              [](Proxy& proxy) {
                need_bodies(proxy);
                proxy.declared.limits.max_body_size = 1000;
                ask_agent(proxy, post(long_body()));
                expect(bytes_shown(proxy) <= 1000, "{} bytes are", bytes_shown(proxy));
              }},
    ProxyRule{"limits.chunk", "3", "No chunk is larger than preferred_chunk_size.", Scope::everywhere,
              [](Proxy& proxy) {
                proxy.declared.limits.preferred_chunk_size = 2000;
                (void)proxy.ask(post(long_body()));
                const std::size_t most = largest_chunk(proxy);
                expect(most <= 2000, "one has {} bytes", most);
              }},
    ProxyRule{"limits.concurrency", "3", "No more exchanges wait at an agent than max_concurrency.", Scope::everywhere,
              [](Proxy& proxy) {
                proxy.declared.limits.max_concurrency = 1;
                Held heads{proxy, {FrameType::request_headers}};
                const auto first = proxy.send_to_agent(get("/conform/1"));
                const auto second = proxy.send(get("/conform/2"));
                proxy.go_on_for(a_while);
                expect(heads.size() == 1, "{} do", heads.size());
                heads.answer(0, block());
                expect_status(finish(proxy, *first), blocked);
                heads.await(2);
                heads.answer(1, block(452));
                expect_status(finish(proxy, *second), 452);
              }},
    ProxyRule{"events.declared", "3", "An agent that takes an extension is sent no kind that it does not declare.",
              Scope::everywhere,
              [](Proxy& proxy) {
                need_bodies(proxy);
                proxy.declared.events = {1};
                proxy.take("one-way-complete");
                keep_asking(proxy, post("conform"));
                for (const Heard& heard : proxy.heard())
                  expect(heard.frame.type < FrameType::request_body_chunk ||
                             heard.frame.type > FrameType::response_body_chunk,
                         "{} came", name(heard.frame.type));
              }},
    ProxyRule{"events.empty-list", "3", "Of an agent that takes an extension an empty list means request_headers.",
              Scope::everywhere,
              [](Proxy& proxy) {
                need_bodies(proxy);
                proxy.declared.events = {};
                proxy.take("one-way-complete");
                keep_asking(proxy, post("conform"));
                expect(proxy.of(FrameType::request_body_chunk).empty(), "a chunk came");
              }},
    ProxyRule{"events.unknown-numbers", "3", "Numbers of events that it does not know are skipped.", Scope::everywhere,
              [](Proxy& proxy) {
                proxy.declared.events.push_back(99);
                expect_used(proxy);
              }},
    ProxyRule{"events.announced", "3", "No kind of event comes that events of the handshake does not name.",
              Scope::sockets,
              [](Proxy& proxy) {
                const auto announced = announced_events(proxy);
                (void)proxy.ask(post("conform"));
                for (const Heard& heard : proxy.heard()) {
                  const auto number = number_of(heard.frame.type);
                  expect(number == 0 || std::ranges::find(announced, number) != announced.end(), "{} comes",
                         name(heard.frame.type));
                }
              }},
    ProxyRule{"flow.exchange-capacity", "6", "Of an exchange no more bytes of bodies wait than the agent says.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const std::string body = long_body();
                const auto call = proxy.send_to_agent(post(body));
                FlowControl capacity = flow_of(heads.event(0), FlowAction::update_capacity);
                capacity.buffer_available = 4096;
                heads.connection(0).say(capacity);
                heads.release();
                (void)finish(proxy, *call);
                const std::size_t most = largest_chunk(proxy);
                expect(most <= 4096, "{} do", most);
              }},
    ProxyRule{"flow.ends", "6", "A pause ends by itself after 30 s.", Scope::once,
              [](Proxy& proxy) {
                need_time(proxy);
                (void)after(proxy, flow(FlowAction::pause));
                const std::size_t before = proxy.of(FrameType::request_headers).size();
                const auto is_asked = [&] { return proxy.of(FrameType::request_headers).size() > before; };
                const base::TimePoint end = base::Clock::now() + a_long_time;
                while (!is_asked() && base::Clock::now() < end) keep_asking(proxy, {});
                expect(is_asked(), "it goes on");
              }},
    ProxyRule{"ping.idle", "6", "An idle connection is asked by a ping whether it lives.", Scope::once,
              [](Proxy& proxy) {
                need_time(proxy);
                (void)proxy.open();
                proxy.await("ping", [&] { return !proxy.of(FrameType::ping).empty(); }, a_long_time);
              }},
    ProxyRule{"ping.closes", "6", "Without a pong the connection is closed.", Scope::once,
              [](Proxy& proxy) {
                need_time(proxy);
                Held pings{proxy, {FrameType::ping}};
                proxy.expect_closed(proxy.open(), "a ping without a pong", a_long_time);
              }},
    ProxyRule{"ping.late", "6", "A connection on which an event is late is asked by a ping whether it lives.",
              Scope::sockets,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers, FrameType::ping}};
                const auto call = proxy.send_to_agent({});
                const std::size_t before = proxy.of(FrameType::ping).size();
                (void)finish(proxy, *call);
                await_ping(proxy, before);
              }},
    ProxyRule{"ping.unanswered", "6", "Until its ping is answered nothing new is sent there.", Scope::sockets,
              [](Proxy& proxy) {
                Held held{proxy, {FrameType::request_headers, FrameType::ping}};
                const auto late = proxy.send_to_agent({});
                const std::size_t before = proxy.of(FrameType::ping).size();
                (void)finish(proxy, *late);
                await_ping(proxy, before);
                const auto next = proxy.send({});
                proxy.go_on_for(a_while);
                int count = 0;
                for (std::size_t i = 0; i < held.size(); ++i)
                  if (&held.connection(i) == &held.connection(0) &&
                      held.event(i).frame.type == FrameType::request_headers)
                    ++count;
                expect(count == 1, "a new exchange is");
              }},
    ProxyRule{
        "config-update.answered", "3", "With config-reply a ConfigUpdateRequest is answered, by its request_id.",
        Scope::everywhere,
        [](Proxy& proxy) {
          proxy.take("config-reply");
          proxy.open().say(wire::ConfigUpdateRequest{.update = wire::ConfigError{.error = "conform", .field = {}},
                                                     .request_id = "conform-7",
                                                     .timestamp_ms = 1});
          proxy.await("ConfigUpdateResponse", [&] { return !proxy.of(FrameType::config_update_response).empty(); });
          base::Arena arena;
          const auto answer = proxy.first(FrameType::config_update_response).as<wire::ConfigUpdateResponse>(arena);
          expect(answer.request_id == "conform-7", "it answers \"{}\"", answer.request_id);
        }},
    ProxyRule{
        "config-update.silent", "3", "Without config-reply a ConfigUpdateRequest is not answered.", Scope::everywhere,
        [](Proxy& proxy) {
          (void)after(proxy, wire::ConfigUpdateRequest{.update = wire::ConfigError{.error = "conform", .field = {}},
                                                       .request_id = "conform-7",
                                                       .timestamp_ms = 1});
          expect(proxy.of(FrameType::config_update_response).empty(), "it is");
        }},
};

}  // namespace

ProxyRules control_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
