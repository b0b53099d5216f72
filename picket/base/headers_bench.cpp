#include <array>

#include "bench/rows.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/headers.hpp"

/// A header list that owns its text, in an arena, against the reference's hash map of strings.
namespace picket::base {
namespace {

constexpr std::array<Header, 20> twenty{{{"host", "example.com"},
                                         {"user-agent", "benchmark/1.0"},
                                         {"accept", "application/json"},
                                         {"accept-language", "en-US"},
                                         {"accept-encoding", "gzip"},
                                         {"content-type", "application/json"},
                                         {"content-length", "1024"},
                                         {"authorization", "Bearer token"},
                                         {"cookie", "session=abc"},
                                         {"x-request-id", "req-123"},
                                         {"x-correlation-id", "corr-456"},
                                         {"x-forwarded-for", "1.2.3.4"},
                                         {"x-forwarded-proto", "https"},
                                         {"x-real-ip", "1.2.3.4"},
                                         {"cache-control", "no-cache"},
                                         {"pragma", "no-cache"},
                                         {"origin", "https://app.example.com"},
                                         {"referer", "https://app.example.com/"},
                                         {"sec-fetch-dest", "empty"},
                                         {"sec-fetch-mode", "cors"}}};

Headers build(Arena& arena) {
  ArenaList<Header> fields{arena};
  for (const Header& field : twenty) fields.push_back({arena.copy(field.name), arena.copy(field.value)});
  return std::span<const Header>{fields.items()};
}

std::size_t iterate(const Headers& headers) {
  std::size_t bytes = 0;
  for (const Header& field : headers) bytes += field.name.size() + field.value.size();
  return bytes;
}

/// One in front, one in the middle, one at the end, one that is not there.
std::size_t find_four(const Headers& headers) {
  std::size_t found = 0;
  for (std::string_view name : {"host", "x-correlation-id", "sec-fetch-mode", "x-none"}) {
    benchmark::DoNotOptimize(name);
    found += headers.find(name).has_value();
  }
  return found;
}

/// The compiler must not know the fields.
template <class Use>
auto on_twenty(Use use) {
  return [use, fields = twenty]() mutable {
    benchmark::DoNotOptimize(fields);
    return use(Headers{fields});
  };
}

const bench::Declared rows{[] {
  bench::row("headers/single", [] {
    return [arena = Arena{16384}]() mutable {
      arena.reset();
      std::string_view value = "application/json";
      benchmark::DoNotOptimize(value);
      return arena.copy(value);
    };
  });
  bench::row("headers/build_20", [] {
    return [arena = Arena{16384}]() mutable {
      arena.reset();
      return build(arena);
    };
  });
  bench::row("headers/iterate_20", [] { return on_twenty(iterate); });
  bench::row("headers/find_20", [] { return on_twenty(find_four); });
}};

}  // namespace
}  // namespace picket::base
