#include "apps/cli/recording/recorder.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "apps/cli/recording/masking.hpp"
#include "picket/session/terms.hpp"

namespace picket::apps::cli {
namespace {

constexpr mode_t owner_only = 0600;

base::Error cannot_write(const std::string& path) {
  return base::fail(base::ErrorKind::io,
                    fmt::format("cannot write '{}': {}", path, std::generic_category().message(errno)));
}

}  // namespace

std::optional<wire::Format> agreed_format(const wire::FrameView& frame) {
  if (frame.type != wire::FrameType::handshake_response) return std::nullopt;
  base::Arena arena;
  const auto answer = wire::decode<wire::HandshakeResponse>({}, frame.payload, arena);
  if (!answer || !answer->success) return std::nullopt;
  return session::terms(answer->encoding.value_or(wire::Encoding::json), answer->extensions).format;
}

base::Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, bool with_secrets) {
  const int descriptor = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, owner_only);
  std::FILE* const file = descriptor < 0 ? nullptr : ::fdopen(descriptor, "wb");
  if (file == nullptr) {
    auto error = cannot_write(path);
    if (descriptor >= 0) ::close(descriptor);
    return error;
  }
  std::unique_ptr<Recorder> recorder{new Recorder{file, with_secrets}};
  (void)std::fputs(recording_header().c_str(), file);  // finish() says what failed
  return recorder;
}

void Recorder::write(Direction direction, const wire::FrameView& frame, base::TimePoint now) {
  if (!begin_) begin_ = now;
  const Record record{.direction = direction,
                      .at = std::chrono::duration_cast<std::chrono::microseconds>(now - *begin_),
                      .type = frame.type,
                      .payload = with_secrets_ ? std::string{frame.payload} : masked(format_, frame)};
  if (const auto agreed = agreed_format(frame)) format_ = *agreed;
  const std::string text = to_text(record);
  (void)std::fwrite(text.data(), 1, text.size(), file_.get());
}

base::Status Recorder::finish() {
  if (std::ferror(file_.get()) != 0 || std::fflush(file_.get()) != 0)
    return base::fail(base::ErrorKind::io, fmt::format("the recording could not be written whole: {}",
                                                       std::generic_category().message(errno)));
  return {};
}

}  // namespace picket::apps::cli
