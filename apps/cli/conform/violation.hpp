#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace picket::apps::cli::conform {

/// The peer breaks the rule that is being tested: how, for people. Rules are tests, and end as tests do.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The rule cannot be tested on this peer: why not.
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The test itself cannot go on: the peer cannot be reached any more.
struct Unreachable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
void expect(bool holds, fmt::format_string<Args...> otherwise, Args&&... args) {
  if (!holds) throw Violation{fmt::format(otherwise, std::forward<Args>(args)...)};
}

template <class... Args>
void need(bool holds, fmt::format_string<Args...> otherwise, Args&&... args) {
  if (!holds) throw Skipped{fmt::format(otherwise, std::forward<Args>(args)...)};
}

}  // namespace picket::apps::cli::conform
