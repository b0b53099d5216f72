#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "apps/waf/connection_rules.hpp"
#include "apps/waf/rule_log.hpp"
#include "apps/waf/settings.hpp"
#include "apps/waf/verdict.hpp"
#include "picket/agent/handler.hpp"

namespace picket::apps::waf {

class Transaction;

/// What the WAF keeps of an exchange.
struct Judged {
  std::unique_ptr<Transaction> transaction;
};

/// What a verdict is on the wire: block or redirect, and in the audit rule ids, tags, messages (by rule id) and notes
/// as reason codes. Where not all that came is judged, the proxy is to hold it (needs_more).
[[nodiscard]] agent::Decision to_decision(const Verdict& verdict);

/// The rules as an agent. An event that could not be judged is left unanswered: the proxy's failure mode decides, never
/// "allow". A body whose head is not known is blocked. The
/// end of an answer that is too large to be judged is answered needs_more, which is a failure as well, and at once.
/// Thread safety: meant for Execution::handed_over; several threads may use one handler. Lifetime: `sets` and `log`
/// (which may be null) must outlive it.
class WafHandler final : public agent::HandlerWith<Judged, ConnectionRules> {
 public:
  using Complain = std::function<void(std::string_view)>;

  /// `complain` gets a line for each event that could not be judged; any thread calls it.
  WafHandler(RuleSets& sets, RuleLog* log, Complain complain);

  [[nodiscard]] agent::Info info() const override;
  [[nodiscard]] std::shared_ptr<ConnectionRules> make_connection() override;
  agent::Reply on_request_headers(const wire::RequestHeaders& event, Context& context) override;
  agent::Reply on_request_body(const wire::RequestBodyChunk& event, Context& context) override;
  agent::Reply on_response_headers(const wire::ResponseHeaders& event, Context& context) override;
  agent::Reply on_response_body(const wire::ResponseBodyChunk& event, Context& context) override;
  void on_complete(const wire::RequestComplete& event, Context& context) override;
  void on_cancel(Context& context) override;
  [[nodiscard]] agent::Acceptance on_configure(const wire::Value& config, Context& context) override;

 private:
  [[nodiscard]] std::unique_ptr<Transaction> begin(const Context& context) const;
  [[nodiscard]] agent::Reply reply(const base::Result<Verdict>& verdict, const Context& context);
  void complain_about(const base::Error& error, const Context& context);
  void finish(Context& context);

  RuleSets& sets_;
  RuleLog* log_;
  Complain complain_;
};

}  // namespace picket::apps::waf
