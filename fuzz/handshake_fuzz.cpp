#include "fuzz/check.hpp"
#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/testing/frames.hpp"

namespace {

using namespace picket;
using session::testing::handshake;
using session::testing::Padded;
using session::testing::take_output;

constexpr base::TimePoint now{std::chrono::hours{1}};

void require_a_reason(const std::optional<base::Error>& end) {
  fuzz::require(!end || !end->detail().empty(), "ended without a reason");
}

}  // namespace

/// Any first bytes from a peer: each end opens, waits for more or ends with a reason, and where the agent opens, a
/// proxy understands its answer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Padded bytes{fuzz::text_of(data, size)};
  transport::StreamFraming<session::AgentSession> agent{handshake(session::AgentConfig{}), now};
  agent.feed(bytes.view(), now);
  const auto* const opened = agent.conversation().session();
  const std::string answer = take_output(agent);
  fuzz::require(opened == nullptr || !answer.empty(), "open without an answer");
  require_a_reason(agent.conversation().end());

  transport::StreamFraming<session::ProxySession> proxy{handshake(session::ProxyConfig{}), now};
  proxy.feed(Padded{answer}.view(), now);
  if (opened != nullptr && opened->open() && opened->format().encoding == wire::Encoding::json &&
      !opened->format().raw_bytes && !opened->format().event_reply)
    fuzz::require(proxy.conversation().session() != nullptr, "an answer that the proxy does not take");

  transport::StreamFraming<session::ProxySession> fed{handshake(session::ProxyConfig{.config_json = "{}"}), now};
  fed.feed(bytes.view(), now);
  require_a_reason(fed.conversation().end());
  return 0;
}
