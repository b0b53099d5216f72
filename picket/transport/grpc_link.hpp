#pragma once

#include <memory>
#include <optional>
#include <string>

#include "picket/transport/destination.hpp"
#include "picket/transport/grpc_stream.hpp"

namespace picket::transport {

/// The proxy's end of a gRPC connection to an agent: one connection, and on it one ProcessStream that carries every
/// exchange. Thread safety and lifetime: Link's.
///
/// Errors: reach the owner's on_closed(): connection_failed where what answers is no gRPC agent, or refuses;
/// connection_closed where the agent ends the stream or the connection; timeout. A GOAWAY without an error is an agent
/// that drains: what is under way goes on. Memory: HTTP/2's windows bound what comes; see GrpcStream for what goes.
class GrpcLink final : public GrpcStream<session::ProxySession>, public Http2Link::Owner {
 public:
  /// Connects `channel`, whose layer is the destination's, then begins with `opening`. `owner` outlives the link or its
  /// close(). `destination` is looked at during the call; `timeout` is for the connect. The handshake leaves with the
  /// stream's head, in one write.
  static std::shared_ptr<GrpcLink> dial(Channel channel, const Destination& destination,
                                        std::unique_ptr<Opening> opening, base::Duration timeout, Link::Owner& owner);

  /// Begins on a connected channel, in clear. `authority`: what the requests name as the host.
  static std::shared_ptr<GrpcLink> adopt(Channel channel, std::string authority, std::unique_ptr<Opening> opening,
                                         Link::Owner& owner);

  /// For dial() and adopt(), which begin it.
  GrpcLink(Channel channel, std::string_view scheme, std::string authority, std::unique_ptr<Opening> opening,
           Link::Owner& owner);
  ~GrpcLink() override;

 private:
  void on_connected() override;
  void before_answering() override { offer(); }
  void on_head(http2::StreamId stream, http2::HeadKind kind, base::Headers fields, bool ends) override;
  void on_data(http2::StreamId stream, std::string_view bytes) override;
  void on_end(http2::StreamId stream) override;
  void on_closed(http2::StreamId stream, http2::ErrorCode code) override;
  void on_goaway(http2::StreamId last, http2::ErrorCode code, std::string_view words) override;
  void on_over(const base::Error& reason) override;
  void end_stream(const base::Error* reason) noexcept override;

  std::string_view scheme_;  // "http" or "https", a literal
  std::string authority_;
  std::shared_ptr<Http2Link> http2_;
  std::optional<base::Error> said_;  // why the agent ends the stream, as it says
};

}  // namespace picket::transport
