#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "apps/waf/loader.hpp"

/// What stands between a WAF's connections and libmodsecurity's parser, which keeps its state in globals and into which
/// ThreadSanitizer cannot see: here over a double that counts who is inside.
namespace picket::tests {
namespace {

using namespace std::chrono_literals;
using Loader = apps::waf::Loader<int, std::string>;

struct Compiler {
  std::atomic<int> inside{0};
  std::atomic<int> met{0};
  std::atomic<int> compiled{0};

  Loader::Loaded compile(int key) {
    if (inside.fetch_add(1) != 0) ++met;
    ++compiled;
    std::this_thread::sleep_for(1ms);
    inside.fetch_sub(1);
    if (key < 0) return base::fail(base::ErrorKind::invalid_message, "refused");
    return std::make_shared<const std::string>(std::to_string(key));
  }
};

TEST(LoaderRace, ManyThreadsAskAndOneCompilesEachOnce) {
  constexpr int threads = 8;
  constexpr int keys = 3;
  for (int round = 0; round < 20; ++round) {
    Compiler compiler;
    std::atomic<int> wrong{0};
    std::latch told{threads * keys};
    std::vector<std::shared_ptr<const std::string>> kept(threads * keys);
    Loader loader([&compiler](int key) { return compiler.compile(key); });
    std::latch start{threads};
    {
      std::vector<std::jthread> askers;
      for (int i = 0; i < threads; ++i)
        askers.emplace_back([&, i] {
          start.arrive_and_wait();
          for (int key = 0; key < keys; ++key)
            loader.get(key, [&, i, key](Loader::Loaded loaded) {
              if (!loaded || **loaded != std::to_string(key)) ++wrong;
              if (loaded) kept[i * keys + key] = std::move(*loaded);
              told.count_down();
            });
        });
    }
    told.wait();
    EXPECT_EQ(compiler.met, 0);
    EXPECT_EQ(compiler.compiled, keys);
    EXPECT_EQ(wrong, 0);
  }
}

TEST(LoaderRace, ValuesComeAndGoAndSomeAreRefused) {
  Compiler compiler;
  std::atomic<int> wrong{0};
  {
    Loader loader([&compiler](int key) { return compiler.compile(key); });
    std::vector<std::jthread> askers;
    for (int i = 0; i < 6; ++i)
      askers.emplace_back([&, i] {
        for (int round = 0; round < 30; ++round) {
          const int key = (i + round) % 4 - 1;
          std::latch told{1};
          loader.get(key, [&](const Loader::Loaded& loaded) {
            if (loaded.has_value() != (key >= 0)) ++wrong;
            told.count_down();
          });
          told.wait();
        }
      });
  }
  EXPECT_EQ(compiler.met, 0);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace picket::tests
