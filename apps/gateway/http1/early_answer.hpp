#pragma once

#include <functional>
#include <optional>

#include "apps/gateway/http1/input_watch.hpp"
#include "picket/http/response_reader.hpp"

namespace picket::apps::gateway::http1 {

/// Looks for an upstream's answer while a request is still being written to it: an upstream that refuses a body need
/// not read it, nor close (RFC 9112 §9.6), and would not be heard before the write has timed out.
///
/// Interim answers are taken on the way; the final one, or the end of the stream, ends the sending, as it does in
/// nginx. Thread safety: the stream's worker. Lifetime: as InputWatch; the buffer outlives it.
class EarlyAnswer {
 public:
  using Outcome = base::Result<http::ResponseHead>;

  /// `end_sending`: called once, when there is an outcome; it ends what the sender waits for.
  EarlyAnswer(transport::Stream& upstream, base::Buffer& buffer, http::ResponseReader& reader,
              std::function<void()> end_sending);

  /// `at_once`: where the sender waits for it, as for 100.
  void start(bool at_once) { at_once ? watch_.start_at_once() : watch_.start(); }
  void stop() { watch_.stop(); }

  /// What came early: the answer, or why there is none. Errors: those of ResponseReader; connection_closed, io.
  [[nodiscard]] const std::optional<Outcome>& outcome() const noexcept { return outcome_; }

 private:
  [[nodiscard]] bool read();

  transport::Stream& upstream_;
  base::Buffer& buffer_;
  http::ResponseReader& reader_;
  std::function<void()> end_sending_;
  std::optional<Outcome> outcome_;
  InputWatch watch_;
};

}  // namespace picket::apps::gateway::http1
