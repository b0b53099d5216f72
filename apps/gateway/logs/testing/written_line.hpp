#pragma once

#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/logs/line_queue.hpp"

namespace picket::apps::gateway::logs::testing {

/// The one line that was written, as far as `form` captures it: what differs from run to run is checked for its form.
inline std::string written_line(LineQueue& queue, const std::regex& form) {
  std::string text;
  queue.drain(text);
  std::smatch match;
  EXPECT_TRUE(std::regex_match(text, match, form)) << text;
  return match.str(1);
}

}  // namespace picket::apps::gateway::logs::testing
