#include "fuzz/check.hpp"
#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/registration.hpp"
#include "picket/session/testing/frames.hpp"

namespace {

using namespace picket;
using session::testing::Padded;
using session::testing::take_output;

constexpr base::TimePoint now{std::chrono::hours{1}};

std::unique_ptr<session::ProxyOpening> hears(bool admits) {
  return std::make_unique<session::ProxyRegistration>(
      session::RegistrationConfig{}, [admits](const session::Applicant&) -> base::Result<session::Admission> {
        if (!admits) return base::fail(base::ErrorKind::unavailable, "nobody may");
        return session::Admission{.config = std::make_shared<session::ProxyConfig>(), .connection_id = "c"};
      });
}
std::unique_ptr<session::AgentOpening> registers() {
  return std::make_unique<session::AgentRegistration>(std::make_shared<session::AgentConfig>(),
                                                      session::Application{.agent_id = "a", .token = "t"});
}

}  // namespace

/// Any first bytes of an agent that dials, or of the proxy that it dialled: each end opens, waits for more or ends with
/// a reason, and what the proxy answers, be it a refusal, an agent understands.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Padded bytes{fuzz::text_of(data, size)};
  for (const bool admits : {true, false}) {
    transport::StreamFraming<session::ProxySession> proxy{hears(admits), now};
    proxy.feed(bytes.view(), now);
    const auto& end = proxy.conversation().end();
    const bool is_open = proxy.conversation().session() != nullptr;
    fuzz::require(!end || !end->detail().empty(), "ended without a reason");
    fuzz::require(admits || !is_open, "open without having been admitted");
    const std::string answer = take_output(proxy);
    if (answer.empty()) continue;
    transport::StreamFraming<session::AgentSession> agent{registers(), now};
    (void)take_output(agent);
    agent.feed(Padded{answer}.view(), now);
    fuzz::require(agent.conversation().session() != nullptr || agent.conversation().end(),
                  "an answer that says nothing");
  }
  transport::StreamFraming<session::AgentSession> agent{registers(), now};
  agent.feed(bytes.view(), now);
  const auto& end = agent.conversation().end();
  fuzz::require(!end || !end->detail().empty(), "the agent ended without a reason");
  return 0;
}
