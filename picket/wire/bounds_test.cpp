#include <cmath>
#include <limits>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "picket/base/limits.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/frame.hpp"
#include "picket/wire/testing/padded.hpp"

/// What a peer may not do to the memory and the stack of the other, and where a number's range ends.
namespace picket::wire {
namespace {

using testing::Padded;

constexpr Format json{};
constexpr Format msgpack{.encoding = Encoding::msgpack};

base::Result<Configure> configure(const Format& format, const std::string& config, base::Arena& arena) {
  const Padded payload{format.encoding == Encoding::json ? R"({"config":)" + config + "}"
                                                         : "\x81\xA6"
                                                           "config" +
                                                               config};
  return decode<Configure>(format, payload.view(), arena);
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string result;
  for (; times != 0; --times) result += text;
  return result;
}

TEST(Bounds, NestingIsFollowedFor127LevelsInBothEncodings) {
  base::Arena arena;
  // The message itself is the first level.
  EXPECT_TRUE(configure(json, repeat("[", 126) + repeat("]", 126), arena));
  EXPECT_FALSE(configure(json, repeat("[", 127) + repeat("]", 127), arena));
  EXPECT_TRUE(configure(msgpack, repeat("\x91", 126) + "\xC0", arena));
  EXPECT_FALSE(configure(msgpack, repeat("\x91", 127) + "\xC0", arena));
}

TEST(Bounds, NestingIsBoundedInWhatIsSkipped) {
  base::Arena arena;
  const Padded text{R"({"sequence":1,"more":)" + repeat("[", 5'000'000)};
  EXPECT_FALSE(decode<Ping>(json, text.view(), arena));
  const Padded bytes{std::string{"\x82\xA6"
                                 "config\xC0\xA4more"} +
                     repeat("\x91", 5'000'000)};
  EXPECT_FALSE(decode<Configure>(msgpack, bytes.view(), arena));
}

TEST(Bounds, AMessageHoldsAtMostAMillionValues) {
  constexpr std::size_t most = base::limits::max_items - 1;  // `config` is one of them
  base::Arena arena;
  EXPECT_TRUE(configure(json, "[0" + repeat(",0", most - 1) + "]", arena));
  EXPECT_FALSE(configure(json, "[0" + repeat(",0", most) + "]", arena));
  const std::string nils(most, '\xC0');
  EXPECT_TRUE(configure(msgpack, std::string{"\xDD\x00\x0F\xFF\xFF", 5} + nils, arena));
  EXPECT_FALSE(configure(msgpack, std::string{"\xDD\x00\x10\x00\x00", 5} + nils + '\xC0', arena));
}

TEST(Bounds, TheLargestFrameOfTheSmallestValuesTakesBoundedMemory) {
  constexpr std::size_t size = base::limits::max_frame_length - 100;
  for (const auto& [format, config] :
       {std::pair{json, "[0" + repeat(",0", size / 2) + "]"},
        std::pair{msgpack, std::string{"\xDD\x00\xF0\x00\x00", 5} + std::string(size, '\xC0')},
        std::pair{msgpack, std::string{"\xDF\x00\x70\x00\x00", 5} + std::string(size, '\xA0')}}) {
    base::Arena arena;
    EXPECT_FALSE(configure(format, config, arena));
    EXPECT_LT(arena.reserved(), std::size_t{256} * 1024 * 1024);
  }
}

TEST(Bounds, ACountThatCannotBeThereReservesNothing) {
  for (const std::string_view lie : {"\xDD\xFF\xFF\xFF\xFF", "\xDF\xFF\xFF\xFF\xFF", "\xDB\xFF\xFF\xFF\xFF"}) {
    base::Arena arena;
    EXPECT_FALSE(configure(msgpack, std::string{lie}, arena));
    EXPECT_LE(arena.reserved(), 4096U);
  }
}

TEST(Bounds, NumbersTooLargeForADoubleAreRefusedAndTooSmallOnesAreZero) {
  base::Arena arena;
  const auto number = [&](const std::string& text) {
    const auto value = parse_json(text, arena);
    return value && value->get<double>() != nullptr ? *value->get<double>() : std::nan("");
  };
  for (const std::string& huge :
       {std::string{"1e309"}, std::string{"-1E+400"}, std::string{"1e99999999999999999999"},
        std::string{"222e9223372036854775807"}, "1" + std::string(400, '0'), "1" + std::string(400, '0') + "e-5"})
    EXPECT_FALSE(parse_json(huge, arena)) << huge;
  for (const std::string& tiny :
       {std::string{"1e-400"}, std::string{"1E-99999999999999999999"}, std::string{"0.001e-9223372036854775808"},
        "0." + std::string(400, '0') + "1", "0." + std::string(400, '0') + "1e+5"})
    EXPECT_EQ(number(tiny), 0.0) << tiny;
  EXPECT_EQ(number("1.7976931348623157e308"), 1.7976931348623157e308);
  EXPECT_EQ(number("5e-324"), 5e-324);
  EXPECT_EQ(number("1" + std::string(400, '0') + "e-400"), 1.0);
}

/// A gauge's value after it was written and read.
double through(const Format& format, double value) {
  const GaugeMetric gauge{.name = "load", .value = value};
  Output out;
  EXPECT_TRUE(encode(format, MetricsReport{.agent_id = "a", .gauges = std::span{&gauge, 1}}, out));
  const Padded payload{out.flatten()};
  base::Arena arena;
  const auto report = decode<MetricsReport>(format, payload.view(), arena);
  EXPECT_TRUE(report) << report.error().message();
  return report ? report->gauges[0].value : 0;
}

TEST(Bounds, AGaugeThatIsNotFiniteIsReadWhereJsonHasNoWordForItAsNaN) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {std::nan(""), infinity, -infinity}) EXPECT_TRUE(std::isnan(through(json, value)));
  EXPECT_TRUE(std::isnan(through(msgpack, std::nan(""))));
  EXPECT_EQ(through(msgpack, -infinity), -infinity);
}

}  // namespace
}  // namespace picket::wire
