#include "picket/agent/completion.hpp"

#include "picket/transport/worker.hpp"

namespace picket::agent {

void Mailbox::post(std::move_only_function<void()> job) {
  const std::lock_guard lock{mutex_};
  if (worker_ != nullptr) worker_->post(std::move(job));
}

void Mailbox::close() {
  const std::lock_guard lock{mutex_};
  worker_ = nullptr;
}

void Completion::settle(std::optional<Decision> decision) {
  if (!answer_) return;
  mailbox_->post([answer = std::exchange(answer_, nullptr), decision = std::move(decision)]() mutable {
    answer(std::move(decision));
  });
}

}  // namespace picket::agent
