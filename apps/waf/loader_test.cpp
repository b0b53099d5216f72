#include "apps/waf/loader.hpp"

#include <future>
#include <string>

#include <gtest/gtest.h>

namespace picket::apps::waf {
namespace {

using Numbers = Loader<int, std::string>;

Numbers::Loaded get(Numbers& numbers, int key) {
  std::promise<Numbers::Loaded> promise;
  auto loaded = promise.get_future();
  numbers.get(key, [&promise](Numbers::Loaded result) { promise.set_value(std::move(result)); });
  return loaded.get();
}

TEST(Loader, WhatIsInUseIsNotLoadedAgainAndWhatIsNotIs) {
  int loads = 0;
  Numbers numbers([&loads](int key) -> Numbers::Loaded {
    ++loads;
    return std::make_shared<const std::string>(std::to_string(key));
  });
  {
    const auto held = get(numbers, 1);
    EXPECT_EQ(**held, "1");
    EXPECT_EQ(*get(numbers, 1), *held);
    EXPECT_EQ(loads, 1);
  }
  (void)get(numbers, 1);
  EXPECT_EQ(loads, 2);
}

TEST(Loader, AFailureIsToldAndTriedAgain) {
  bool broken = true;
  Numbers numbers([&broken](int) -> Numbers::Loaded {
    if (broken) return base::fail(base::ErrorKind::io, "broken");
    return std::make_shared<const std::string>("mended");
  });
  const auto failed = get(numbers, 1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().detail(), "broken");
  broken = false;
  EXPECT_EQ(**get(numbers, 1), "mended");
}

TEST(Loader, WhoAsksNeverWaits) {
  std::promise<void> gate;
  const auto open = gate.get_future().share();
  Numbers numbers([open](int key) -> Numbers::Loaded {
    open.wait();
    return std::make_shared<const std::string>(std::to_string(key));
  });
  std::promise<void> done;
  int told = 0;
  for (const int key : {1, 1, 2})
    numbers.get(key, [&](const Numbers::Loaded&) {
      if (++told == 3) done.set_value();
    });
  EXPECT_EQ(told, 0);
  gate.set_value();
  done.get_future().wait();
}

TEST(Loader, WhoStillWaitsAtItsEndIsTold) {
  std::promise<void> begun;
  std::promise<void> gate;
  bool told = false;
  std::jthread opener;
  {
    Numbers numbers([&](int key) -> Numbers::Loaded {
      begun.set_value();
      gate.get_future().wait();
      return std::make_shared<const std::string>(std::to_string(key));
    });
    numbers.get(1, [](const Numbers::Loaded& loaded) { EXPECT_TRUE(loaded); });
    begun.get_future().wait();
    numbers.get(2, [&told](const Numbers::Loaded& loaded) { told = !loaded; });
    opener = std::jthread([&gate] {
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
      gate.set_value();
    });
  }
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace picket::apps::waf
