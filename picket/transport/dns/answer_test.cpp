#include "picket/transport/dns/answer.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::transport::dns {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string number(std::uint32_t value, int size) {
  std::string bytes;
  for (int i = size; i-- != 0;) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string name(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    bytes += static_cast<char>(label.size());
    bytes += label;
    text.remove_prefix(std::min(text.size(), label.size() + 1));
  }
  return bytes + '\0';
}

const std::string to_question = "\xC0\x0C"s;  // a pointer to the question's name

std::string record(Type type, std::uint32_t ttl, const std::string& data, const std::string& owner = to_question) {
  return owner + number(static_cast<std::uint16_t>(type), 2) + number(1, 2) + number(ttl, 4) +
         number(static_cast<std::uint32_t>(data.size()), 2) + data;
}

std::string service(std::uint16_t priority, std::uint16_t weight, std::uint16_t port, const std::string& target) {
  return number(priority, 2) + number(weight, 2) + number(port, 2) + target;
}

/// An answer of so many records to a question for a.example.
std::string message(Type type, std::uint16_t count, const std::string& records) {
  return "\x12\x34\x81\x80"s + number(1, 2) + number(count, 2) + number(0, 4) + name("a.example") +
         number(static_cast<std::uint16_t>(type), 2) + number(1, 2) + records;
}

TEST(DnsAnswer, EveryAddressOfTheTypeIsReadWithTheLeastTimeToLive) {
  const auto answer = read_answer(
      message(Type::a, 2, record(Type::a, 60, "\x0A\0\0\x01"s) + record(Type::a, 30, "\x0A\0\0\x02"s)), Type::a);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->addresses, ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_EQ(answer->ttl, 30s);
  const auto v6 = read_answer(
      message(Type::aaaa, 1, record(Type::aaaa, 5, "\x20\x01\x0D\xB8"s + std::string(11, '\0') + "\x01")), Type::aaaa);
  ASSERT_TRUE(v6);
  EXPECT_THAT(v6->addresses, ElementsAre("2001:db8::1"));
}

TEST(DnsAnswer, ANameOfANameCountsByItsTimeToLive) {
  constexpr auto cname = static_cast<Type>(5);
  const auto answer = read_answer(
      message(Type::a, 2,
              record(cname, 2, name("b.example")) + record(Type::a, 300, "\x0A\0\0\x01"s, name("b.example"))),
      Type::a);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->addresses, ElementsAre("10.0.0.1"));
  EXPECT_EQ(answer->ttl, 2s);
}

TEST(DnsAnswer, ATimeToLiveWithItsSignIsNone) {
  const auto answer = read_answer(message(Type::a, 1, record(Type::a, 0x80000001, "\x0A\0\0\x01"s)), Type::a);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->ttl, 0s);
}

TEST(DnsAnswer, ServicesHavePortPriorityAndWeight) {
  const auto answer = read_answer(
      message(Type::srv, 2,
              record(Type::srv, 9, service(1, 2, 9000, name("b.a.example"))) + record(Type::srv, 8,
                                                                                      service(3, 4, 9001,
                                                                                              "\x01"
                                                                                              "c\xC0\x0C"s))),
      Type::srv);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->services.size(), 2U);
  EXPECT_EQ(answer->services[0].target, "b.a.example");
  EXPECT_EQ(answer->services[0].priority, 1);
  EXPECT_EQ(answer->services[0].weight, 2);
  EXPECT_EQ(answer->services[0].port, 9000);
  EXPECT_EQ(answer->services[1].target, "c.a.example") << "compressed";
  EXPECT_EQ(answer->ttl, 8s);
}

TEST(DnsAnswer, ServicesThatAreDecidedlyNotThereOrNoHostAreLeftOut) {
  for (const auto& target : {name(""), name("10.0.0.1"), name("a b"), name("-x.example"),
                             "\x03"
                             "a\nb\0"s}) {
    const auto answer =
        read_answer(message(Type::srv, 1, record(Type::srv, 9, service(0, 0, 9000, target))), Type::srv);
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->services, IsEmpty());
  }
}

TEST(DnsAnswer, AddressesThatNobodyCanConnectToAreLeftOut) {
  for (const auto& bytes : {"\0\0\0\0"s, "\xE0\0\0\x01"s, "\xFF\xFF\xFF\xFF"s, "\x0A\0\0"s, ""s}) {
    const auto answer = read_answer(message(Type::a, 1, record(Type::a, 9, bytes)), Type::a);
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->addresses, IsEmpty());
  }
  for (const auto& bytes :
       {std::string(16, '\0'), "\xFE\x80"s + std::string(14, '\1'), "\xFF\x02"s + std::string(14, '\1')}) {
    const auto answer = read_answer(message(Type::aaaa, 1, record(Type::aaaa, 9, bytes)), Type::aaaa);
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->addresses, IsEmpty());
  }
}

TEST(DnsAnswer, NoMoreRecordsAreTakenThanMayBe) {
  std::string records;
  for (int i = 0; i < 1000; ++i) records += record(Type::a, 9, "\x0A\0"s + number(static_cast<std::uint32_t>(i), 2));
  const auto answer = read_answer(message(Type::a, 1000, records), Type::a);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->addresses.size(), most_records);
}

TEST(DnsAnswer, WhatIsCutOrLeadsInCirclesIsMalformed) {
  const std::string whole = message(Type::srv, 1, record(Type::srv, 9, service(1, 2, 9000, name("b.example"))));
  ASSERT_TRUE(read_answer(whole, Type::srv));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_answer(std::string_view{whole}.substr(0, size), Type::srv)) << size;
  const auto circle = static_cast<char>(whole.find("\xC0\x0C"));
  EXPECT_FALSE(read_answer(message(Type::a, 1, record(Type::a, 9, "\x0A\0\0\x01"s, "\xC0"s + circle)), Type::a));
  EXPECT_FALSE(read_answer(message(Type::a, 1, record(Type::a, 9, "\x0A\0\0\x01"s, "\xFF\xFF"s)), Type::a));
  EXPECT_FALSE(read_answer(message(Type::a, 1,
                                   record(Type::a, 9, "\x0A\0\0\x01"s,
                                          "\x7F"
                                          "a\0"s)),
                           Type::a));
}

}  // namespace
}  // namespace picket::transport::dns
