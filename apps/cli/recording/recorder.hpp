#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "apps/cli/recording/recording.hpp"
#include "picket/base/result.hpp"
#include "picket/session/tap.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::cli {

/// The format that a handshake's answer agrees to; nothing where the frame is none, or refuses.
[[nodiscard]] std::optional<wire::Format> agreed_format(const wire::FrameView& frame);

/// Writes each frame of a connection to a file, which only its owner may read (spec/recording.md).
class Recorder final : public session::Tap {
 public:
  /// Errors: io.
  [[nodiscard]] static base::Result<std::unique_ptr<Recorder>> open(const std::string& path, bool with_secrets);

  void on_sent(const wire::FrameView& frame, base::TimePoint now) override { write(Direction::to_agent, frame, now); }
  void on_received(const wire::FrameView& frame, base::TimePoint now) override {
    write(Direction::to_proxy, frame, now);
  }
  /// Errors: what could not be written.
  [[nodiscard]] base::Status finish();

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
  };
  Recorder(std::FILE* file, bool with_secrets) : file_(file), with_secrets_(with_secrets) {}
  void write(Direction direction, const wire::FrameView& frame, base::TimePoint now);

  std::unique_ptr<std::FILE, Close> file_;
  bool with_secrets_;
  wire::Format format_;
  std::optional<base::TimePoint> begin_;
};

}  // namespace picket::apps::cli
