#include "apps/cli/reception.hpp"

#include <utility>

#include <fmt/format.h>

namespace picket::apps::cli {

base::Result<std::shared_ptr<const transport::tls::Context>> listening_context(
    const transport::Endpoint& endpoint, const transport::tls::ClientOptions& files) {
  if (!endpoint.is_tls()) return std::shared_ptr<const transport::tls::Context>{};
  if (files.certificate_file.empty() || files.key_file.empty())
    return base::fail(
        base::ErrorKind::connection_failed,
        fmt::format("--listen {} needs --tls-cert and --tls-key: the certificate that is shown to whoever "
                    "dials",
                    endpoint.spelled()));
  transport::tls::ServerOptions tls;
  if (endpoint.carrier() == transport::Carrier::grpc) tls.protocols.alpn = {std::string{transport::tls::http2}};
  tls.certificate_file = files.certificate_file;
  tls.key_file = files.key_file;
  tls.client_ca_file = files.ca_file;
  if (!files.ca_file.empty()) tls.client_certificate = transport::tls::ClientCertificate::required;
  return transport::tls::Context::server(tls);
}

Reception::Reception(transport::Worker& worker, pool::AgentPool& pool)
    : registry_(worker, 1,
                [&pool](pool::reverse::Connection connection) { pool.add_reverse_connection(std::move(connection)); }) {
}

Reception::~Reception() {
  if (!listener_) return;
  listener_->close();
  while (!listener_->is_over()) registry_.worker().turn(base::Clock::now() + std::chrono::milliseconds{1});
}

base::Status Reception::open(const AgentAddress& address, const pool::AgentSpec& spec, std::uint32_t connections) {
  const auto clear_text = address.insecure ? transport::ClearText::allowed : transport::ClearText::refused;
  auto endpoint =
      transport::Endpoint::parse(address.listen, clear_text, transport::Hosts::numbers, transport::Carriers::frames);
  if (!endpoint) return std::move(endpoint.error());
  auto tls = listening_context(*endpoint, address.tls);
  if (!tls) return std::move(tls.error());
  PICKET_TRY(registry_.use({.claims = {{spec.id, spec.reverse}}, .max_connections_per_agent = connections}));
  pool::reverse::ListenerOptions options{.endpoint = std::move(*endpoint)};
  options.hearing.tls = std::move(*tls);
  auto listener = pool::reverse::Listener::open(registry_, std::move(options));
  if (!listener) return std::move(listener.error());
  listener_ = std::move(*listener);
  listener_->start();
  return {};
}

void set_place(pool::AgentSpec& spec, const AgentAddress& address) {
  if (!address.listen.empty()) {
    spec.reverse = {"*"};
    return;
  }
  spec.endpoint = address.endpoint;
  spec.insecure = address.insecure;
  spec.tls = address.tls;
}

}  // namespace picket::apps::cli
