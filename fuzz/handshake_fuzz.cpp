#include "fuzz/check.hpp"
#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/testing.hpp"

namespace {

using namespace picket;
using session::testing::Padded;
using session::testing::take_output;

constexpr base::TimePoint now{std::chrono::hours{1}};

}  // namespace

/// Any first bytes from a peer: each end opens, waits for more or ends with a reason, and where the agent opens, a
/// proxy understands its answer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Padded bytes{fuzz::text_of(data, size)};
  session::AgentSession agent{{}, now};
  agent.feed(bytes.view(), now);
  const std::string answer = take_output(agent);
  fuzz::require(!agent.open() || !answer.empty(), "open without an answer");
  fuzz::require(!agent.end() || !agent.end()->detail().empty(), "ended without a reason");

  session::ProxySession proxy{{}, now};
  proxy.feed(Padded{answer}.view(), now);
  if (agent.open() && agent.format().encoding == wire::Encoding::json && !agent.format().raw_bytes &&
      !agent.format().event_reply)
    fuzz::require(proxy.state() == session::ProxySession::State::ready, "an answer that the proxy does not take");

  session::ProxySession fed{{.config_json = "{}"}, now};
  fed.feed(bytes.view(), now);
  fuzz::require(!fed.end() || !fed.end()->detail().empty(), "ended without a reason");
  fuzz::require(fed.end().has_value() == (fed.state() == session::ProxySession::State::closed), "half closed");
  return 0;
}
