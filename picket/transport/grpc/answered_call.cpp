#include "picket/transport/grpc/answered_call.hpp"

#include <array>
#include <utility>

#include "picket/transport/grpc/ending.hpp"

namespace picket::transport::grpc {
namespace {

// Of answers that nobody reads: who asks and asks must not make us hold more.
constexpr std::size_t most_unread = std::size_t{256} * 1024;

}  // namespace

std::size_t AnsweredCall::Bytes::gather(std::size_t skip, std::span<iovec> out) const noexcept {
  if (skip >= bytes_.size() || out.empty()) return 0;
  out[0] = {const_cast<char*>(bytes_.data()) + skip, bytes_.size() - skip};
  return 1;
}

void AnsweredCall::on_data(std::string_view bytes) {
  http2_.connection().taken(stream_, bytes.size());
  if (has_ended_) return;
  const auto status = messages_.feed(bytes, [this](std::string_view message) -> base::Status {
    if (has_ended_) return {};
    return on_message(message);
  });
  if (!status) end(grpc_status(status.error().kind()), status.error().detail());
}

void AnsweredCall::begin() {
  if (std::exchange(has_begun_, true)) return;
  http2_.connection().respond(stream_, base::Headers(answer_head), &body_);
  http2_.flush_later();
}

void AnsweredCall::say(std::string_view message) {
  if (has_ended_) return;
  if (body_.size() > most_unread) return end(GrpcStatus::resource_exhausted, "the answers are not read");
  std::array<char, http2::grpc_prefix_size> prefix;
  http2::write_grpc_prefix(prefix.data(), message.size());
  body_.add({prefix.data(), prefix.size()});
  body_.add(message);
  begin();
  http2_.connection().resume(stream_);
  http2_.flush_later();
}

void AnsweredCall::end(GrpcStatus status, std::string_view message) {
  if (std::exchange(has_ended_, true)) return;
  begin();
  const Ending ending(status, message);
  const auto fields = ending.fields();
  http2_.connection().finish(stream_, base::Headers(fields));
  http2_.flush_later();
}

base::Status UnaryCall::on_message(std::string_view message) {
  if (question_) {
    end(GrpcStatus::unimplemented, "the method takes one message; a second one came");
    return {};
  }
  question_.emplace(message).append(base::limits::tail_padding, '\0');
  return {};
}

void UnaryCall::on_end() {
  if (has_ended()) return;
  if (!question_) return end(GrpcStatus::unimplemented, "the method takes one message; none came");
  on_question(std::string_view{*question_}.substr(0, question_->size() - base::limits::tail_padding));
}

}  // namespace picket::transport::grpc
