#include "apps/gateway/http1/early_answer.hpp"

#include "apps/gateway/http1/body_reader.hpp"

namespace picket::apps::gateway::http1 {

EarlyAnswer::EarlyAnswer(transport::Stream& upstream, base::Buffer& buffer, http::ResponseReader& reader,
                         std::function<void()> end_sending)
    : upstream_(upstream),
      buffer_(buffer),
      reader_(reader),
      end_sending_(std::move(end_sending)),
      watch_(upstream, [this] { return read(); }) {}

/// Whether to look on.
bool EarlyAnswer::read() {
  const auto size = upstream_.read_now({buffer_.prepare(read_size), read_size});
  if (!size) return true;
  if (*size != 0) {
    buffer_.commit(*size);
    outcome_ = reader_.take();
  } else {
    outcome_ = base::fail(base::ErrorKind::connection_closed, "closed before it answered");
  }
  if (!outcome_) return true;
  end_sending_();
  return false;
}

}  // namespace picket::apps::gateway::http1
