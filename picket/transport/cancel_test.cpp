#include "picket/transport/cancel.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

/// Waits for something, and writes its name down when it is stopped.
struct Waiter {
  Waiter(Cancel& cancel, char own_name, std::string& names)
      : name(own_name), stopped(names), guard(std::in_place, cancel, &Waiter::stop, this) {}
  static void stop(void* self) {
    auto& waiter = *static_cast<Waiter*>(self);
    waiter.stopped += waiter.name;
    if (waiter.ends_too != nullptr) waiter.ends_too->guard.reset();
  }
  char name;
  std::string& stopped;
  Waiter* ends_too = nullptr;
  std::optional<Cancel::Guard> guard;
};

TEST(Cancel, StopsTheLatestFirstAndOnce) {
  Cancel cancel;
  std::string stopped;
  const Waiter a{cancel, 'a', stopped};
  const Waiter b{cancel, 'b', stopped};
  EXPECT_FALSE(cancel.is_requested());
  cancel.request(wire::CancelReason::proxy_shutdown);
  cancel.request(wire::CancelReason::client_disconnect);
  EXPECT_EQ(stopped, "ba");
  EXPECT_TRUE(cancel.is_requested());
  EXPECT_EQ(cancel.reason(), wire::CancelReason::proxy_shutdown);
}

TEST(Cancel, ForgetsWhoDoesNotWaitAnyMore) {
  Cancel cancel;
  std::string stopped;
  const Waiter a{cancel, 'a', stopped};
  Waiter b{cancel, 'b', stopped};
  const Waiter c{cancel, 'c', stopped};
  b.guard.reset();
  cancel.request(wire::CancelReason::client_disconnect);
  EXPECT_EQ(stopped, "ca");
}

TEST(Cancel, StoppingOneMayEndAnothersWait) {
  Cancel cancel;
  std::string stopped;
  Waiter a{cancel, 'a', stopped};
  Waiter b{cancel, 'b', stopped};
  b.ends_too = &a;
  cancel.request(wire::CancelReason::client_disconnect);
  EXPECT_EQ(stopped, "b");
}

}  // namespace
}  // namespace picket::transport
