#include <memory>

#include <fmt/format.h>

#include "apps/gateway/generation/router.hpp"
#include "bench/rows.hpp"

/// What a table of routes costs a request: with 10,000 of them no more than with ten.
namespace picket::apps::gateway::generation {
namespace {

/// Every fourth has a host and a prefix of its own, or a host, or a whole path, or a prefix.
struct Table {
  explicit Table(int count) {
    for (int i = 0; i < count; ++i) {
      auto& route = config.routes.emplace_back();
      route.id = fmt::format("{}", i);
      route.matches.path = i % 4 == 1 ? "/" : fmt::format("/p{}/a", i);
      route.matches.whole_path = i % 4 == 2;
      if (i % 4 < 2) route.matches.host = fmt::format("h{}.example", i);
    }
    host = fmt::format("h{}.example", count / 2 / 4 * 4);
    path = fmt::format("/p{}/a/b", count / 2 / 4 * 4);
  }
  Table(const Table&) = delete;

  config::Config config;
  std::string host;
  std::string path;
};

auto find(int count) {
  auto table = std::make_shared<Table>(count);
  return [table, router = Router{table->config}] {
    return router.find({.method = "GET", .authority = table->host, .path = table->path});
  };
}

const bench::Declared rows{[] {
  for (const int count : {10, 10'000})
    bench::row(fmt::format("growth/routes/{}", count), [count] { return find(count); });
}};

}  // namespace
}  // namespace picket::apps::gateway::generation
