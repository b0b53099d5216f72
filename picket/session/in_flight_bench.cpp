#include <memory>
#include <vector>

#include <fmt/format.h>

#include "bench/rows.hpp"
#include "picket/session/in_flight.hpp"

/// Which connection an exchange is on. By id: the slot in the id, then all 32 digits. By handle: an index. The
/// reference looks the id up in a concurrent hash map each time.
namespace picket::session {
namespace {

struct Table {
  explicit Table(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      live.push_back(ids.mint());
      (void)in_flight.find_or_add(live.back());
    }
    middle = live[size / 2].text();
    spare = ids.mint();
    missing = spare.text();
  }
  Table(const Table&) = delete;

  base::CorrelationIds ids;
  InFlight in_flight;
  std::vector<base::MintedId> live;
  base::MintedId spare;
  std::string_view middle;   // an id as a peer's message carries it
  std::string_view missing;  // one that no exchange has
};

auto find(std::size_t size, std::string_view Table::* id) {
  return [table = std::make_shared<Table>(size), id] {
    benchmark::DoNotOptimize((*table).*id);
    return table->in_flight.find((*table).*id);
  };
}

void declare_size(std::size_t size) {
  bench::row(fmt::format("affinity/hit/{}", size), [size] { return find(size, &Table::middle); });
  bench::row(fmt::format("affinity/miss/{}", size), [size] { return find(size, &Table::missing); });
  bench::row(fmt::format("affinity/insert_remove/{}", size), [size] {
    return [table = std::make_shared<Table>(size)] {
      const ExchangeIndex added = table->in_flight.find_or_add(table->spare);
      table->in_flight.remove_exchange(added);
      return added;
    };
  });
}

const bench::Declared rows{[] {
  for (const std::size_t size : {10, 100, 1000, 10'000}) declare_size(size);
  bench::contended_row(
      "affinity/hit/1000", [] { return find(1000, &Table::middle); }, [] { return find(1000, &Table::middle); });
  bench::row("affinity/by_handle", [] {
    return [table = std::make_shared<Table>(1000), handle = ExchangeIndex{500}]() mutable {
      benchmark::DoNotOptimize(handle);
      return &table->in_flight.exchange(handle);
    };
  });
}};

}  // namespace
}  // namespace picket::session
