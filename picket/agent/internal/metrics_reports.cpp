#include "picket/agent/internal/metrics_reports.hpp"

#include <algorithm>
#include <chrono>

#include "picket/agent/internal/wall_clock.hpp"

namespace picket::agent::internal {
std::shared_ptr<const MetricsReports::Report> MetricsReports::latest(base::TimePoint now) {
  const std::lock_guard lock{mutex_};
  return report_ && now - made_ < interval_ / 2 ? report_ : make(now);
}

std::shared_ptr<const MetricsReports::Report> MetricsReports::last(base::TimePoint now) {
  const std::lock_guard lock{mutex_};
  return make(now);
}

std::shared_ptr<const MetricsReports::Report> MetricsReports::make(base::TimePoint now) {
  const bool is_silent = interval_ == base::Duration::zero() || std::ranges::all_of(handlers_, &Metrics::empty);
  if (is_silent) return nullptr;
  auto report = std::make_shared<Report>();
  report->message = Metrics::sum(handlers_, report->memory);
  report->message.agent_id = agent_id_;
  // Told apart by it: no two of one millisecond.
  const std::uint64_t before = report_ ? report_->message.timestamp_ms : 0;
  report->message.timestamp_ms = std::max(milliseconds_since_1970(), before + 1);
  report->message.interval_ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(interval_).count());
  report_ = std::move(report);
  made_ = now;
  return report_;
}

}  // namespace picket::agent::internal
