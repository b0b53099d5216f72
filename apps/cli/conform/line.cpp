#include "apps/cli/conform/line.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

namespace picket::apps::cli::conform {
namespace {

using transport::Completion;
using transport::Transfer;
using transport::Waiter;

constexpr std::size_t read_size = std::size_t{64} * 1024;
constexpr std::chrono::milliseconds between_drains{10};

using Outcome = std::optional<int>;

/// Notes the error that an operation ended with; keeps what it notes it in.
Waiter noted(const std::shared_ptr<Outcome>& outcome) {
  return {[](std::shared_ptr<void>& self, const Completion& completion) {
            *static_cast<Outcome*>(self.get()) = completion.error;
          },
          outcome};
}

}  // namespace

base::Status Line::dial(const transport::Endpoint& endpoint, base::TimePoint deadline) {
  const auto outcome = std::make_shared<Outcome>();
  channel_.connect(endpoint, noted(outcome));
  while (!*outcome && base::Clock::now() < deadline) channel_.worker().turn(deadline);
  if (!*outcome) {
    channel_.close();
    return base::fail(base::ErrorKind::timeout, "it does not accept the connection");
  }
  if (**outcome != 0) return transport::cannot_connect(endpoint.text(), **outcome);
  return {};
}

base::Status Line::write(std::string_view bytes, base::TimePoint deadline) {
  while (!bytes.empty()) {
    const std::array part{iovec{const_cast<char*>(bytes.data()), bytes.size()}};
    const Transfer written = channel_.write_now(part);
    switch (written.outcome) {
      case Transfer::Outcome::moved: bytes.remove_prefix(written.size); break;
      case Transfer::Outcome::blocked:
        // A peer that has answers to give need not read before they are taken.
        drain();
        if (!wait(written.wanted, std::min(deadline, base::Clock::now() + between_drains)) &&
            base::Clock::now() >= deadline)
          return base::fail(base::ErrorKind::timeout, "it does not read");
        break;
      case Transfer::Outcome::ended:
      case Transfer::Outcome::failed: return channel_.failure(written);
    }
  }
  return {};
}

void Line::drain() {
  while (true) {
    const Transfer got = channel_.read_now({received_.prepare(read_size), read_size});
    if (got.outcome != Transfer::Outcome::moved) return;
    received_.commit(got.size);
  }
}

Line::Got Line::read(base::Buffer& into, base::TimePoint deadline) {
  if (!received_.empty()) {
    into.append(received_.text());
    received_.clear();
    return Got::bytes;
  }
  while (true) {
    const Transfer got = channel_.read_now({into.prepare(read_size), read_size});
    switch (got.outcome) {
      case Transfer::Outcome::moved: into.commit(got.size); return Got::bytes;
      case Transfer::Outcome::blocked:
        if (!wait(got.wanted, deadline)) return Got::nothing;
        break;
      case Transfer::Outcome::ended:
      case Transfer::Outcome::failed: return Got::end;
    }
  }
}

bool Line::wait(transport::Readiness wanted, base::TimePoint deadline) {
  if (base::Clock::now() >= deadline) return false;
  const auto outcome = std::make_shared<Outcome>();
  channel_.wait(wanted, noted(outcome));
  while (!*outcome && base::Clock::now() < deadline) channel_.worker().turn(deadline);
  if (*outcome) return true;
  channel_.cancel();
  return false;
}

void Line::reset() noexcept {
  channel_.reset_on_close(true);
  channel_.close();
}

}  // namespace picket::apps::cli::conform
