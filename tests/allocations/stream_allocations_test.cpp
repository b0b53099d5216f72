#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/allocations/asking.hpp"

/// A body that streams through an agent: in steady state a chunk that is allowed allocates nothing at either end; one
/// that is replaced, once at the agent's: its decision.
namespace picket::tests {
namespace {

/// Replaces chunks that begin with an r by as many bytes of its own, which it has ready.
class Replace final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_response_body(const agent::ResponseBodyChunk& chunk, agent::Context&) override {
    const bool replaces = !chunk.data.empty() && std::to_integer<char>(chunk.data.front()) == 'r';
    if (!replaces) return agent::Decision::allow();
    return agent::Decision::allow().replace_body("short");  // within what a string holds by itself
  }
};

class StreamAllocations : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr std::uint64_t chunks = 500;
  static constexpr std::uint64_t of_the_test = 8;

  /// How many bytes of them went on.
  static transport::Task<std::uint64_t> pass_chunks(inspection::BodyInspection& body, std::string_view chunk) {
    std::uint64_t let_out = 0;
    for (std::uint64_t i = 0; i < chunks; ++i) {
      body.feed(base::SharedBytes::borrowed(base::as_bytes(chunk)), false);
      while (body.has_to_ask()) {
        const auto verdict = co_await body.judge();
        EXPECT_TRUE(verdict.goes_on());
        while (body.lets_out()) let_out += body.take().bytes.size();
      }
    }
    EXPECT_GE(let_out, chunks);
    co_return let_out;
  }
};

TEST_P(StreamAllocations, ChunksAllocateNothingOnceWarm) {
  Asking asking{[] { return std::make_unique<Replace>(); },
                wire::EventKind::response_body_chunk,
                {.events = {.response_body = true}, .response_body = {.gathers = 0}}};
  inspection::BodyInspection& body = asking.inspection().response_body();
  body.begin(0);
  const auto pass = [&] { transport::testing::run(asking.worker, pass_chunks(body, GetParam())); };
  // The decision that replaces has one of its own at the agent's end.
  EXPECT_LE(fewest_allocations(pass), GetParam().front() == 'r' ? chunks + of_the_test : of_the_test);
}

INSTANTIATE_TEST_SUITE_P(Chunks, StreamAllocations, ::testing::Values("allowed as it is", "replaced by a short text"),
                         [](const auto& test) { return test.param.front() == 'a' ? "Allowed" : "Replaced"; });

}  // namespace
}  // namespace picket::tests
