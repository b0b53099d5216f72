// How to test a handler without sockets: picket/agent/kit/exchange.hpp. With GoogleTest here; the kit needs none.
#include <gtest/gtest.h>

#include "picket/agent/kit/exchange.hpp"

using namespace picket::agent;

namespace {

/// Refuses more than so many bytes of a body.
class SmallBodies final : public HandlerWith<std::size_t> {
 public:
  Info info() const override { return {.id = "small-bodies", .version = "1"}; }

  Reply on_request_body(const RequestBodyChunk& chunk, Context& context) override {
    std::size_t& seen = context.state();
    seen += chunk.data.size();
    if (seen > 8) return Decision::block(413).rule("too-large");
    return Decision::allow();
  }
};

TEST(SmallBodies, ABodyIsCountedOverItsChunks) {
  SmallBodies handler;
  kit::Exchange exchange{handler};
  EXPECT_TRUE(exchange.body("12345", false).is_allow());
  const Decision decision = exchange.body("6789", true);
  EXPECT_EQ(decision.block_status(), 413);
  EXPECT_EQ(decision.rules(), std::vector<std::string>{"too-large"});
}

TEST(SmallBodies, EachExchangeCountsForItself) {
  SmallBodies handler;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(kit::Exchange{handler}.body("12345").is_allow());
}

/// Digits of an answer are nobody's business.
class RedactDigits final : public Handler {
 public:
  Info info() const override { return {.id = "redact-digits", .version = "1"}; }

  Reply on_response_body(const ResponseBodyChunk& chunk, Context&) override {
    std::string text{picket::base::as_text(chunk.data)};
    for (char& c : text)
      if (c >= '0' && c <= '9') c = '#';
    return Decision::allow().replace_body(std::move(text));
  }
};

TEST(RedactDigits, TheReceiverGetsTheSameHoweverTheBodyIsCut) {
  RedactDigits handler;
  for (std::size_t size = 1; size < 10; ++size) {
    kit::Exchange exchange{handler};
    const auto streamed = exchange.stream_response_body(kit::Exchange::pieces("pin 1234.", size));
    EXPECT_EQ(streamed.received, "pin ####.");
    EXPECT_FALSE(streamed.refusal);
  }
}

}  // namespace
