#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/upstream/pool.hpp"
#include "picket/transport/tls/layer.hpp"

/// How a pool comes to new connections.
namespace picket::apps::gateway::upstream {
namespace {

using base::ErrorKind;

void close_stream(void* stream) { static_cast<transport::Stream*>(stream)->close(); }

/// A connection that is readable before anything was asked on it. Over TLS 1.3 a server says only after the handshake
/// that it wants a certificate; nothing can be written any more, and the attempt says why.
base::Error spoke_first(transport::Stream& stream) {
  if (!stream.has_ended()) return base::fail(ErrorKind::connection_closed, "an answer before it was asked");
  const auto written = stream.write_now({});
  if (!written && written.error().kind() == ErrorKind::invalid_message && stream.is_layer_broken())
    return written.error();
  return base::fail(ErrorKind::connection_closed, "closed before it was asked");
}

/// A connect whose connection others may share, for as long as it lasts: those who waited for it look then.
class Connecting {
 public:
  Connecting(Site& site, ConnectionPlaces& places) noexcept : site_(site), places_(places) { ++site_.connecting; }
  Connecting(const Connecting&) = delete;
  Connecting& operator=(const Connecting&) = delete;
  ~Connecting() {
    --site_.connecting;
    places_.call_next();
  }

 private:
  Site& site_;
  ConnectionPlaces& places_;
};

}  // namespace

/// An address that drops what it gets takes its share of the time, not that of the name's others.
base::Deadline Pool::connect_deadline(const Site& site) const {
  const auto sharers = static_cast<base::Duration::rep>(std::max<std::size_t>(sites_.count_of(site.target), 1));
  const base::Duration whole = timeouts().connect;
  const base::Duration share = std::max(whole / sharers, std::min(whole, least_connect_time));
  return base::Deadline::after(worker_.now(), share);
}

transport::Task<base::Result<Lease>> Pool::connect(SitePtr site, ConnectionPlaces::Place place, Tried& tried,
                                                   transport::Cancel& cancel) {
  const base::Deadline deadline = std::min(connect_deadline(*site), tried.until);
  connects.add();
  std::optional<Connecting> connecting;
  if (spec_.upstream.max_version == config::HttpVersion::http2) connecting.emplace(*site, places);
  Opened opened = co_await open(*site, std::move(place), deadline, cancel);
  if (cancel.is_requested()) co_return base::fail(ErrorKind::connection_closed, "nobody waits for it any more");
  if (auto* const socket = std::get_if<Socket>(&opened)) {
    // What it says before it is asked would be the first request's answer, and that one's the second's. HTTP/2 begins
    // with what the server says of itself.
    if (socket->speaks_http2 || !socket->stream.has_input()) co_return Lease{*this, std::move(*socket), site, false};
    opened = Unopened{.why = spoke_first(socket->stream)};
  }
  Unopened& unopened = std::get<Unopened>(opened);
  if (unopened.why.kind() == ErrorKind::io) co_return std::move(unopened.why);
  connect_failures.add();
  note_failure(site, std::move(unopened.why), tried, unopened.is_untrusted);
  co_return tried.failures.back().why;
}

transport::Task<Pool::Opened> Pool::open(Site& site, ConnectionPlaces::Place place, base::Deadline deadline,
                                         transport::Cancel& cancel) {
  while (true) {
    auto layer = site.destination.layer();
    const auto* const tls_layer =
        static_cast<const transport::tls::TlsLayer*>(layer.get());  // destinations have no others
    transport::Channel channel{worker_, std::move(layer)};
    Socket socket{transport::Stream{std::move(channel)}, socket_budget_.take(), std::move(place), worker_.now()};
    const transport::Cancel::Guard guard{cancel, &close_stream, &socket.stream};
    const auto connected = co_await socket.stream.connect(site.endpoint(), deadline);
    if (connected) {
      const auto secured = co_await secure(socket.stream, tls_layer, site, deadline);
      socket.speaks_http2 = site.speaks == Site::Speaks::http2;
      if (secured) co_return std::move(socket);
      Unopened unsecured{secured.error(), tls_layer->refusal() == transport::tls::Refusal::certificate};
      co_return std::move(unsecured);
    }
    // A socket that could not be opened may be had in place of an idle one; there are fewer of those each time.
    const bool lacks_descriptors = connected.error().kind() == ErrorKind::io;
    if (!cancel.is_requested() && lacks_descriptors && socket_budget_.close_oldest()) {
      place = std::move(socket.upstream_place);
      continue;
    }
    Unopened unconnected{connected.error()};
    co_return std::move(unconnected);
  }
}

transport::Task<base::Status> Pool::secure(transport::Stream& stream, const transport::tls::TlsLayer* layer, Site& site,
                                           base::Deadline deadline) {
  // Without an agreement it is what the operator says.
  const bool is_known = spec_.upstream.min_version == config::HttpVersion::http2;
  const auto unsaid = is_known ? Site::Speaks::http2 : Site::Speaks::http1;
  if (layer == nullptr) {
    site.speaks = unsaid;
    co_return base::Status{};
  }
  const auto established = co_await stream.establish(deadline);
  if (established) {
    tls.handshakes.add();
    if (layer->is_resumed()) tls.resumed.add();
    site.speaks = layer->alpn() == transport::tls::http2 ? Site::Speaks::http2 : unsaid;
    co_return base::Status{};
  }
  if (const auto refusal = layer->refusal(); refusal != transport::tls::Refusal::none)
    tls.refusals.at(static_cast<std::size_t>(refusal)).add();
  const base::Error& why = established.error();
  if (why.kind() == ErrorKind::timeout)
    co_return base::fail(ErrorKind::connection_failed, "no TLS connection: the handshake was not over in time");
  if (why.kind() == ErrorKind::connection_failed) co_return why;
  co_return base::fail(ErrorKind::connection_failed, fmt::format("no TLS connection: {}", why.detail()));
}

}  // namespace picket::apps::gateway::upstream
