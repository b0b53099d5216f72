#include "picket/pool/reverse/connection.hpp"

#include <array>

#include "picket/base/version.hpp"
#include "picket/session/registration.hpp"
#include "picket/transport/frame_header.hpp"
#include "picket/transport/frame_link.hpp"

namespace picket::pool::reverse {

std::shared_ptr<transport::ProxyLink> serve(transport::Worker& worker, Connection connection,
                                            std::shared_ptr<const session::ProxyConfig> config,
                                            transport::ProxyLink::Owner& owner, session::Tap* tap) {
  session::RegistrationConfig registration{
      .proxy_id = config->proxy_id, .proxy_version = config->proxy_version, .timeout = config->handshake_timeout};
  const session::Admission admission{.config = std::move(config),
                                     .connection_id = std::move(connection.name),
                                     .connections_wanted = connection.connections_wanted};
  auto opening = std::make_unique<session::ProxyRegistration>(
      std::move(registration), [admission](const session::Applicant&) -> base::Result<session::Admission> {
        return admission;  // it was judged where it was read
      });
  return transport::FrameLink<session::ProxySession>::adopt(transport::Channel{worker, std::move(connection.socket)},
                                                            std::move(opening), owner, std::move(connection.received),
                                                            tap);
}

void refuse(transport::Worker& worker, Connection connection, std::string_view reason) {
  transport::Channel channel{worker, std::move(connection.socket)};
  wire::Output output{transport::stream_framing};
  session::refuse_registration({.proxy_version = std::string{version}},
                               base::fail(base::ErrorKind::unavailable, std::string{reason}), output);
  std::array<iovec, 4> parts;
  const std::size_t count = output.gather(parts);
  (void)channel.write_now(std::span{parts}.first(count));
  channel.close();
}

}  // namespace picket::pool::reverse
