#include "apps/cli/conform/proxies/proxy.hpp"

#include <algorithm>

#include <fmt/ranges.h>

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

constexpr std::chrono::milliseconds between_looks{2};
constexpr std::chrono::milliseconds before_retry{20};
constexpr std::chrono::milliseconds to_close{100};

double seconds(base::Duration time) { return std::chrono::duration<double>(time).count(); }

bool is_answered(FrameType type, const Served& connection) {
  const auto number = static_cast<std::uint8_t>(type);
  if (type == FrameType::request_complete) return !connection.takes(wire::extension_one_way_complete);
  if (type == FrameType::configure) return connection.format().encoding != wire::Encoding::protobuf;
  return number >= static_cast<std::uint8_t>(FrameType::request_headers) &&
         number <= static_cast<std::uint8_t>(FrameType::guardrail_inspect);
}

}  // namespace

void Proxy::begin(std::string_view rule, wire::Encoding encoding) {
  agent_id_ = fmt::format("picket-conform/{}", rule);
  encoding_ = encoding;
  close_all();
  declared = Declared{};
  wanted_.clear();
  greeting = [this](Served& connection) { connection.welcome(encoding_, connection.offered(wanted_)); };
  registering = [this](Served& connection) {
    const std::string extensions =
        wanted_.empty() ? "" : fmt::format(R"(,"extensions":["{}"])", fmt::join(wanted_, R"(",")"));
    Registration as = registration();
    as.more = extensions;
    connection.register_as(as);
  };
  answer_all_plainly();
}

void Proxy::close_all() {
  connections_.clear();
  meeting_->forget();
  if (origin_) origin_->forget();
  heard_.clear();
  refusal_.clear();
}

void Proxy::answer_all_plainly() {
  answering = [this](Served& connection, const Heard& heard) { answer_plainly(connection, heard); };
}

void Proxy::answer_heads(HeadOfAnswer when) {
  auto* const listening = dynamic_cast<GrpcListening*>(meeting_.get());
  need(listening != nullptr, "it does not come on gRPC");
  listening->answer_heads(when);
}

void Proxy::answer_plainly(Served& connection, const Heard& heard) {
  if (heard.frame.type == FrameType::ping) return connection.answer_ping(heard);
  if (is_answered(heard.frame.type, connection)) connection.answer(heard);
}

void Proxy::take(std::string_view extension) {
  wanted_.push_back(extension);
  need(open().takes(extension), "the proxy knows no {}", extension);
}

// ---- what happens

void Proxy::turn() {
  worker_.turn(base::Clock::now() + between_looks);
  const bool is_wanted = std::ranges::all_of(connections_, [](const auto& each) { return each->has_ended(); });
  for (std::unique_ptr<Pipe>& pipe : meeting_->arrivals(is_wanted)) {
    Served& connection = add(std::move(pipe));
    if (meeting_->dialler() == Dialler::agent) registering(connection);
  }
  for (const auto& connection : connections_) read(*connection);
  if (origin_) origin_->poll();
}

Served& Proxy::add(std::unique_ptr<Pipe> pipe) {
  return *connections_.emplace_back(std::make_unique<Served>(std::move(pipe), options_.patience, agent_id_, declared));
}

void Proxy::read(Served& connection) {
  while (auto frame = connection.poll()) take(connection, std::move(*frame));
}

void Proxy::take(Served& connection, Frame frame) {
  if (!connection.is_greeted() && meeting_->dialler() == Dialler::agent) {
    expect(frame.type == FrameType::handshake_response, "it answers a registration with {}", name(frame.type));
    connection.greet(std::move(frame));
    refusal_ = connection.begin_as_agreed();
    return;
  }
  if (!connection.is_greeted()) {
    expect(frame.type == FrameType::handshake_request, "it says {} before its handshake", name(frame.type));
    connection.greet(std::move(frame));
    return greeting(connection);
  }
  std::string id = exchange_of(frame, connection.format());
  heard_.push_back({.frame = std::move(frame), .format = connection.format(), .id = std::move(id)});
  answering(connection, heard_.back());
}

void Proxy::await(std::string_view wanted, const std::function<bool()>& happened, base::Duration patience) {
  const base::TimePoint deadline = base::Clock::now() + patience;
  while (!happened()) {
    expect(base::Clock::now() < deadline, "no {} within {} s{}", wanted, seconds(patience),
           refusal_.empty() ? "" : "; a registration was refused: " + refusal_);
    turn();
  }
}

void Proxy::go_on_for(base::Duration time) {
  const base::TimePoint end = base::Clock::now() + time;
  while (base::Clock::now() < end) turn();
}

Served& Proxy::open() {
  const auto find = [this] {
    return std::ranges::find_if(connections_, [](const auto& connection) { return connection->is_open(); });
  };
  await("connection of the proxy's", [&] { return find() != connections_.end(); });
  return **find();
}

Served& Proxy::begun() {
  await("connection", [&] { return !connections_.empty(); });
  return *connections_.front();
}

/// Without turn(), which would register on a connection of its own where there is none.
Served& Proxy::connect() {
  const base::TimePoint deadline = base::Clock::now() + options_.patience;
  std::vector<std::unique_ptr<Pipe>> pipes = meeting_->arrivals(true);
  for (; pipes.empty(); pipes = meeting_->arrivals(true)) {
    expect(base::Clock::now() < deadline, "no connection within {} s", seconds(options_.patience));
    worker_.turn(base::Clock::now() + between_looks);
  }
  return add(std::move(pipes.front()));
}

Served& Proxy::join(const Registration& as) {
  Served& connection = connect();
  connection.register_as(as);
  await("answer to a registration", [&] { return connection.is_greeted() || connection.has_ended(); });
  return connection;
}

Registration Proxy::registration() const {
  Registration plain{.agent_id = options_.agent_id, .token = options_.token};
  if (encoding_ == wire::Encoding::msgpack) plain.encodings = R"(,"supported_encodings":["msgpack","json"])";
  return plain;
}

Served& Proxy::greeted() {
  const auto find = [this] {
    return std::ranges::find_if(connections_, [](const auto& connection) { return connection->is_greeted(); });
  };
  await("handshake of the proxy's", [&] { return find() != connections_.end(); });
  return **find();
}

void Proxy::expect_served(Served& connection) {
  // On gRPC agents have no ping.
  if (encoding_ == wire::Encoding::protobuf) {
    go_on_for(to_close);
    return expect(!connection.has_ended(), "it ends the call");
  }
  const std::size_t before = of(FrameType::pong).size();
  connection.say(wire::Ping{.sequence = 1, .timestamp_ms = 1});
  await("pong", [&] {
    expect(!connection.has_ended(), "it closes the connection");
    return of(FrameType::pong).size() > before;
  });
}

void Proxy::expect_closed(Served& connection, std::string_view cause, base::Duration patience) {
  await(fmt::format("end of the connection, after {},", cause), [&] { return connection.has_ended(); }, patience);
}

std::vector<const Heard*> Proxy::of(FrameType type) const {
  std::vector<const Heard*> found;
  for (const Heard& heard : heard_)
    if (heard.frame.type == type) found.push_back(&heard);
  return found;
}

const Heard& Proxy::first(FrameType type) const {
  const auto found = of(type);
  expect(!found.empty(), "no {} came", name(type));
  return *found.front();
}

Origin& Proxy::origin() {
  need(origin_ != nullptr, "it asks an upstream of the tool's: --upstream");
  return *origin_;
}

const HttpMessage& Proxy::forwarded() {
  const auto& requests = origin().requests();
  expect(!requests.empty() && requests.back().is_whole, "nothing has reached the upstream");
  return requests.back();
}

std::unique_ptr<HttpCall> Proxy::send(const HttpRequest& request) {
  need(http_.has_value(), "it takes a request: --http");
  (void)open();
  return std::make_unique<HttpCall>(worker_, *http_, request, options_.patience);
}

std::unique_ptr<HttpCall> Proxy::send_to_agent(const HttpRequest& request) {
  const std::size_t before = of(FrameType::request_headers).size();
  const base::TimePoint deadline = base::Clock::now() + options_.patience;
  while (true) {
    auto call = send(request);
    const auto came = [&] { return of(FrameType::request_headers).size() > before; };
    await("request_headers", [&] { return came() || call->poll(); });
    if (came()) return call;
    expect(base::Clock::now() < deadline, "the client gets {}, and the agent is not asked", call->answer().status);
    go_on_for(before_retry);  // it may not know yet that the connection is open
  }
}

HttpMessage Proxy::ask(const HttpRequest& request) {
  constexpr int server_error = 500;
  const std::size_t before = of(FrameType::request_headers).size();
  const base::TimePoint deadline = base::Clock::now() + options_.patience;
  while (true) {
    const auto call = send(request);
    await("answer of HTTP", [&] { return call->poll(); });
    HttpMessage answer = call->answer();
    // It may not know yet that the connection is open.
    const bool is_asked = of(FrameType::request_headers).size() > before;
    if (answer.status < server_error || is_asked || base::Clock::now() >= deadline) return answer;
    go_on_for(before_retry);
  }
}

}  // namespace picket::apps::cli::conform::proxies
