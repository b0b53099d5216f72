#include "bench/both_ends.hpp"

#include <stdexcept>
#include <string>

#include <unistd.h>

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

transport::Endpoint endpoint_in(const std::filesystem::path& folder, wire::Encoding encoding) {
  const std::string scheme = encoding == wire::Encoding::protobuf ? "grpc+unix:" : "unix:";
  return checked(transport::Endpoint::parse(scheme + (folder / "s").string(), transport::ClearText::refused));
}

}  // namespace

agent::Reply BothEnds::Allow::on_request_headers(const agent::RequestHeaders&, Context&) {
  return agent::Decision::allow();
}
agent::Reply BothEnds::Allow::on_request_body(const agent::RequestBodyChunk&, Context&) {
  return agent::Decision::allow();
}

BothEnds::BothEnds(wire::Encoding encoding, std::uint32_t connections)
    : folder_(new_folder()),
      endpoint_(endpoint_in(folder_, encoding)),
      listener_(checked(transport::Listener::open(worker_, endpoint_, {}))),
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
      pool_(worker_, {.connections_per_agent = connections, .health_check_interval = std::chrono::hours{1}}),
      agent_(checked(
          pool_.add_agent({.id = "a", .endpoint = endpoint_.spelled(), .encodings = {encoding}, .events = kinds}))) {
  transport::spawn(transport::accept_all(listener_, worker_,
                                         [this](const transport::Accepted& accepted) { serve(accepted.descriptor); }));
  turn_until([&] { return agent_.ready_connections() == connections; });
}

void BothEnds::serve(int descriptor) {
  transport::Channel channel{worker_, descriptor};
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
  for (const auto& connection : connections_) connection->close();
  for (const auto& server : grpc_servers_) server->close();
  listener_.close();
  worker_.turn(base::TimePoint::min());  // the accepting task ends
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
