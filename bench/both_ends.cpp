#include "bench/both_ends.hpp"

#include <stdexcept>
#include <string>

#include <unistd.h>

#include "picket/pool/agent.hpp"
#include "picket/pool/reverse/registry.hpp"
#include "picket/session/handshake.hpp"
#include "picket/transport/frame_link.hpp"

namespace picket::bench {
namespace {

const std::vector<wire::EventKind> kinds{wire::EventKind::request_headers, wire::EventKind::request_body_chunk};

std::filesystem::path new_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "picket-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
  return name;
}

/// What worked, or an exception.
template <class T>
T checked(base::Result<T> result) {
  if (!result) throw std::runtime_error{result.error().message()};
  return std::move(*result);
}

transport::Endpoint place(const Between& between, const std::filesystem::path& folder) {
  const std::string scheme = between.encoding == wire::Encoding::protobuf ? "grpc+unix:" : "unix:";
  return checked(transport::Endpoint::parse(between.listen.empty() ? scheme + (folder / "s").string() : between.listen,
                                            transport::ClearText::allowed));
}

std::shared_ptr<const transport::tls::Context> context(const Between& between, const transport::Endpoint& endpoint) {
  if (!endpoint.is_tls()) return nullptr;
  transport::tls::ServerOptions options = between.of_listener;
  if (endpoint.carrier() == transport::Carrier::grpc) options.protocols.alpn = {std::string{transport::tls::http2}};
  return checked(transport::tls::Context::server(options));
}

}  // namespace

agent::Reply BothEnds::Allow::on_request_headers(const agent::RequestHeaders&, Context&) {
  return agent::Decision::allow();
}
agent::Reply BothEnds::Allow::on_request_body(const agent::RequestBodyChunk&, Context&) {
  return agent::Decision::allow();
}

BothEnds::BothEnds(Between between)
    : folder_(new_folder()),
      between_(std::move(between)),
      endpoint_(listen()),
      mailbox_(std::make_shared<agent::Mailbox>(worker_)),
      terms_(std::make_shared<const agent::internal::ServedConnection::Terms>(agent::internal::ServedConnection::Terms{
          .worker = worker_,
          .handler = handler_,
          .mailbox = mailbox_,
          .execution = agent::Execution::on_loop,
          .config = std::make_shared<session::AgentConfig>(
              session::AgentConfig{.info = {.agent_id = "a", .name = "a", .version = "1", .events = kinds}}),
          .log = {},
          .workload = workload_,
          .on_open = [](agent::internal::ServedConnection&) {},
          .on_over = [](agent::internal::ServedConnection&, const base::Error*) {}})),
      pool_(worker_, {.connections_per_agent = between_.connections, .health_check_interval = std::chrono::hours{1}}),
      agent_(checked(pool_.add_agent(spec()))) {
  if (between_.agent_dials) {
    dial();
  } else {
    transport::spawn(transport::accept_all(
        *listener_, worker_, [this](const transport::Accepted& accepted) { serve(accepted.descriptor); }));
  }
  turn_until([&] { return agent_.ready_connections() == between_.connections; });
}

transport::Endpoint BothEnds::listen() {
  const transport::Endpoint endpoint = place(between_, folder_);
  tls_ = context(between_, endpoint);
  if (between_.agent_dials) {
    listen_for_agents(endpoint);
    return reverse_listener_->endpoint();
  }
  listener_.emplace(checked(transport::Listener::open(worker_, endpoint, {})));
  return listener_->endpoint();
}

void BothEnds::listen_for_agents(const transport::Endpoint& endpoint) {
  registry_.emplace(worker_, 1, [this](pool::reverse::Connection connection) {
    pool_.add_reverse_connection(std::move(connection));
  });
  if (!registry_->use({.claims = {{"a", {"*"}}}, .max_connections_per_agent = 64}))
    throw std::runtime_error{"the rules are none"};
  reverse_listener_ =
      checked(pool::reverse::Listener::open(*registry_, {.endpoint = endpoint, .hearing = {.tls = tls_}}));
  reverse_listener_->start();
}

void BothEnds::dial() {
  const auto& tls = between_.of_dialler;
  const auto host = checked(agent::internal::DialledHost::create(
      [] { return std::string{}; }, [tls, where = endpoint_] { return transport::Destination::make(where, tls); }, {}));
  const auto proxy = std::make_shared<const agent::internal::DialledProxy>(agent::internal::DialledProxy{
      .host = host, .address = endpoint_, .options = {}, .agent_id = "a", .log = {}, .on_wanted = [](std::uint32_t) {
      }});
  for (std::uint32_t i = 0; i < between_.connections; ++i) {
    kept_.push_back(std::make_unique<agent::internal::KeptConnection>(
        proxy, *terms_, [this](auto connection) { connections_.push_back(std::move(connection)); }, i));
    kept_.back()->want();
  }
}

pool::AgentSpec BothEnds::spec() const {
  pool::AgentSpec spec{.id = "a", .insecure = true, .encodings = {between_.encoding}, .events = kinds};
  if (between_.agent_dials) {
    spec.reverse = {"*"};
  } else {
    spec.endpoint = endpoint_.spelled();
    spec.tls = between_.of_dialler;
  }
  return spec;
}

void BothEnds::serve(int descriptor) {
  transport::Channel channel{worker_, descriptor, tls_ ? tls_->layer() : nullptr};
  if (endpoint_.carrier() == transport::Carrier::grpc) {
    grpc_servers_.push_back(std::make_shared<transport::GrpcServer>(
        std::move(channel), [this](const transport::MakeAgentLink& make) { begin(make, session::grpc_handshake); },
        [](transport::GrpcServer&) {}));
    grpc_servers_.back()->start();
    return;
  }
  begin(
      [&](std::unique_ptr<session::AgentOpening> opening, transport::AgentLink::Owner& owner) {
        return transport::FrameLink<session::AgentSession>::adopt(std::move(channel), std::move(opening), owner);
      },
      session::socket_handshake);
}

void BothEnds::begin(const transport::MakeAgentLink& make, const wire::Format& format) {
  connections_.push_back(std::make_shared<agent::internal::ServedConnection>(terms_));
  connections_.back()->start(make, std::make_unique<session::AgentHandshake>(terms_->config, format));
}

BothEnds::~BothEnds() {
  mailbox_->close();
  for (const auto& kept : kept_) kept->forgo();
  for (const auto& connection : connections_) connection->close();
  for (const auto& server : grpc_servers_) server->close();
  if (listener_) listener_->close();
  if (reverse_listener_) reverse_listener_->close();
  worker_.turn(base::TimePoint::min());  // the accepting task ends
  if (reverse_listener_) turn_until([&] { return reverse_listener_->is_over(); });
  std::filesystem::remove_all(folder_);
}

void BothEnds::exchange(const wire::RequestHeaders& like) {
  const base::MintedId id = worker_.ids().mint();
  pool::Exchange exchange = pool_.begin(agent_, id);
  wire::RequestHeaders head = like;
  const pool::Call call = exchange.request_headers(head);
  turn_until([&] { return call.done(); });
  if (!call.result()) throw std::runtime_error{call.result().error().message()};
}

}  // namespace picket::bench
