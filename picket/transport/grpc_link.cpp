#include "picket/transport/grpc_link.hpp"

#include <array>

#include <fmt/format.h>

#include "picket/session/quote.hpp"
#include "picket/transport/grpc_status.hpp"

namespace picket::transport {
namespace {

using base::ErrorKind;
using base::fail;

// What an agent says that leaves without more words; what a session reports refers to it.
constexpr wire::HealthStatus draining{.state = wire::HealthState::draining};

}  // namespace

std::shared_ptr<GrpcLink> GrpcLink::dial(Channel channel, const Destination& destination,
                                         std::unique_ptr<Opening> opening, base::Duration timeout, Link::Owner& owner) {
  const Endpoint& endpoint = destination.endpoint();
  auto link = std::make_shared<GrpcLink>(std::move(channel), endpoint.is_tls() ? "https" : "http",
                                         destination.authority(), std::move(opening), owner);
  link->http2_->connect(endpoint, timeout);
  return link;
}

std::shared_ptr<GrpcLink> GrpcLink::adopt(Channel channel, std::string authority, std::unique_ptr<Opening> opening,
                                          Link::Owner& owner) {
  auto link = std::make_shared<GrpcLink>(std::move(channel), "http", std::move(authority), std::move(opening), owner);
  link->http2_->serve();
  return link;
}

GrpcLink::GrpcLink(Channel channel, std::string_view scheme, std::string authority, std::unique_ptr<Opening> opening,
                   Link::Owner& owner)
    : GrpcStream(channel.worker(), std::move(opening), wire::Envelope::agent_to_proxy, owner),
      scheme_(scheme),
      authority_(std::move(authority)),
      http2_(std::make_shared<Http2Link>(std::move(channel), http2::Role::client, http2::Limits{}, *this)) {}

GrpcLink::~GrpcLink() { http2_->close(); }

void GrpcLink::on_connected() {
  const std::array<base::Header, 7> head{{{":method", "POST"},
                                          {":scheme", scheme_},
                                          {":path", process_stream},
                                          {":authority", authority_},
                                          {"te", "trailers"},
                                          {"content-type", "application/grpc"},
                                          {"user-agent", "picket"}}};
  // The handshake goes out with the head: some agents answer the head only once they have it.
  const auto stream = http2_->connection().request(base::Headers(head), &body());
  if (!stream) return on_ended(stream.error());
  begin(*http2_, *stream);
}

void GrpcLink::on_head(http2::StreamId, http2::HeadKind kind, base::Headers fields, bool) {
  if (kind == http2::HeadKind::interim) return;
  if (kind == http2::HeadKind::head) {
    const std::string_view status = fields.find(":status").value_or("");
    const std::string_view type = fields.find("content-type").value_or("");
    if (status != "200" || !type.starts_with("application/grpc"))
      said_ = fail(ErrorKind::connection_failed,
                   fmt::format("what answers there is no gRPC agent: HTTP status {}, content-type {}",
                               session::printable(status, 16), session::quoted(type, 64)));
  }
  if (fields.find("grpc-status")) said_ = grpc_error(fields);
  if (kind == http2::HeadKind::head && said_) on_ended(*said_);
}

void GrpcLink::on_data(http2::StreamId, std::string_view bytes) { GrpcStream::on_data(bytes); }

void GrpcLink::on_end(http2::StreamId) {
  on_ended(said_.value_or(fail(ErrorKind::connection_closed, "the agent ended the stream without a status")));
}

void GrpcLink::on_closed(http2::StreamId, http2::ErrorCode code) {
  on_ended(said_.value_or(
      fail(ErrorKind::connection_closed, fmt::format("the agent reset the stream: {}", http2::name(code)))));
}

/// It leaves: what is under way goes on.
void GrpcLink::on_goaway(http2::StreamId last, http2::ErrorCode code, std::string_view words) {
  if (code != http2::ErrorCode::no_error || last < id()) {
    said_ = fail(ErrorKind::connection_closed, fmt::format("the agent ended the connection: {} {}", http2::name(code),
                                                           session::printable(words, 256)));
    return;
  }
  if (session() == nullptr) return;
  (void)session()->take(draining, {}, worker().now()).has_value();
  flush_later();
}

void GrpcLink::on_over(const base::Error& reason) { on_ended(said_.value_or(reason)); }

void GrpcLink::end_stream(const base::Error*) noexcept {
  http2_->connection().finish(id());
  http2_->close(shared_from_this());
}

}  // namespace picket::transport
