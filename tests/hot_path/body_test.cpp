#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/both_ends.hpp"
#include "tests/hot_path/interposed.hpp"
#include "tests/hot_path/ways.hpp"

/// A body goes from the memory that the caller has it in to the socket, and nowhere else.
namespace picket::tests {
namespace {

/// Bytes of what was written that lie in `body`, and those that do not.
struct Written {
  std::size_t body = 0;
  std::size_t other = 0;
};

Written written(const std::vector<Transfer>& transfers, std::string_view body) {
  Written sum;
  for (const Transfer& transfer : transfers) {
    if (!transfer.write) continue;
    for (const iovec& part : transfer.parts) {
      const auto* const at = static_cast<const char*>(part.iov_base);
      const bool inside = at >= body.data() && at + part.iov_len <= body.data() + body.size();
      (inside ? sum.body : sum.other) += part.iov_len;
    }
  }
  return sum;
}

class Body : public ::testing::TestWithParam<Way> {};

TEST_P(Body, IsWrittenFromTheCallersMemory) {
  constexpr std::size_t chunk_size = 64 * 1024;
  constexpr std::uint32_t chunks = 16;
  bench::BothEnds ends{GetParam().between()};
  const std::string body(chunks * chunk_size, 'b');
  {
    const base::MintedId id = ends.worker().ids().mint();
    pool::Exchange exchange = ends.pool().begin(ends.agent(), id);
    Recording recording;
    for (std::uint32_t index = 0; index < chunks; ++index) {
      wire::RequestBodyChunk chunk{
          .data = base::as_bytes(std::string_view{body}.substr(index * chunk_size, chunk_size)),
          .is_last = index + 1 == chunks,
          .chunk_index = index};
      const pool::Call call = exchange.request_body(chunk);
      ends.turn_until([&] { return call.done(); });
      ASSERT_TRUE(call.result());
    }
    const Written sum = written(recording.end(), body);
    if (GetParam().is_tls()) {  // what is encrypted is another text
      EXPECT_EQ(sum.body, 0U);
    } else if (GetParam().encoding != wire::Encoding::json) {  // which has it in base64
      EXPECT_EQ(sum.body, body.size());
      EXPECT_LE(sum.other, chunks * 300U);  // the fields around each chunk, and its answer
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, Body, ::testing::ValuesIn(ways), [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace picket::tests
