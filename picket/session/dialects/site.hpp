#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "picket/session/dialects/translator.hpp"

/// The dialect site: our frames with other types, a handshake answer of its own, and a number for each exchange in
/// place of its id (protocol.md §13).
namespace picket::session::dialects {

/// An exchange has one number from its first event to its end, and no other exchange of the connection has it again: an
/// answer that comes late is for one that is over, or for one that is cancelled. The end of an exchange is said as a
/// cancel: these agents forget an exchange by nothing else.
///
/// Thread safety, lifetime: Translator's. Errors: unavailable, where the dialect has no words for what is to be said;
/// invalid_message, where the agent answers what was not asked, or in words that are none. Complexity: each event is
/// read and written once more, and its id looked up: these agents cost what a second codec does.
class SiteTranslator final : public Translator {
 public:
  [[nodiscard]] base::Status say(const wire::FrameView& frame, wire::Output& out) override;
  [[nodiscard]] base::Status hear(const wire::FrameView& frame, wire::Output& out) override;

 private:
  // Cancelled ones stay until their end is said: an answer may still be on its way.
  struct Exchange {
    std::uint64_t number;
    bool cancelled = false;
  };

  [[nodiscard]] base::Status ask(const wire::FrameView& frame, wire::Output& out);
  [[nodiscard]] base::Status cancel(const wire::FrameView& frame, wire::Output& out);
  [[nodiscard]] base::Status end(const wire::FrameView& frame, wire::Output& out);
  [[nodiscard]] base::Status ping(const wire::FrameView& frame, wire::Output& out);
  [[nodiscard]] base::Status on_decision(std::string_view payload);
  [[nodiscard]] base::Status on_pong();

  std::unordered_map<std::string, Exchange> exchanges_;
  std::unordered_map<std::uint64_t, std::string> ids_;
  std::uint64_t last_number_ = 0;
  std::deque<std::string> pings_;  // ours, that are not answered
};

/// Whether an answer to a handshake is one of this dialect's. False for what is no JSON, too. Complexity: reads it
/// whole.
[[nodiscard]] bool is_site_answer(std::string_view payload);

/// What is said of such an agent where it is spoken to otherwise; where it shall be configured, that it cannot be. For
/// the operator, who can name the dialect in the configuration.
[[nodiscard]] base::Error site_speaker(const ProxyConfig& config, std::string_view payload);

/// The handshake of this dialect. An agent has no way to be given a configuration in it: connection_failed, where there
/// is one. Thread safety, lifetime: Opening's. Other errors of take(): as ProxyHandshake's.
class SiteOpening final : public ProxyOpening {
 public:
  explicit SiteOpening(std::shared_ptr<const ProxyConfig> config) : config_(std::move(config)) {}

  [[nodiscard]] base::Status begin(wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] base::Status take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] const ProxyAgreement* agreement() const noexcept override { return agreed_ ? &*agreed_ : nullptr; }
  [[nodiscard]] base::TimePoint deadline() const noexcept override { return deadline_; }
  [[nodiscard]] base::Error overdue() const override;
  [[nodiscard]] std::optional<Dialect> speaks() const override { return speaks_; }

 private:
  std::shared_ptr<const ProxyConfig> config_;
  base::TimePoint deadline_{};
  std::optional<ProxyAgreement> agreed_;
  std::optional<Dialect> speaks_;
};

}  // namespace picket::session::dialects
