#include "picket/http/proxy_header.hpp"

#include <gtest/gtest.h>

namespace picket::http {
namespace {

using Outcome = ProxyHeader::Outcome;

std::string binary(std::string_view command_and_family, std::string_view rest, std::size_t said_size) {
  std::string header{"\r\n\r\n\0\r\nQUIT\n", 12};
  header.append(command_and_family);
  header += static_cast<char>(said_size >> 8U);
  header += static_cast<char>(said_size & 0xFFU);
  return header.append(rest);
}
std::string binary(std::string_view command_and_family, std::string_view rest) {
  return binary(command_and_family, rest, rest.size());
}

constexpr std::string_view of_v4{"\xC0\x00\x02\x01\xC6\x33\x64\x01\xDC\x04\x01\xBB", 12};

void expect_source(const std::string& bytes, std::string_view source, std::uint16_t port) {
  SCOPED_TRACE(bytes);
  const ProxyHeader header = read_proxy_header(bytes + "GET");
  EXPECT_EQ(header.outcome, Outcome::read);
  EXPECT_EQ(header.size, bytes.size());
  EXPECT_EQ(header.source, source);
  EXPECT_EQ(header.port, port);
}

TEST(ProxyHeaders, OfTheFirstVersionNameTheClient) {
  expect_source("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1", 56324);
  expect_source("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", "2001:db8::1", 0);
  expect_source("PROXY UNKNOWN\r\n", "", 0);
  expect_source("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", 0);
}

TEST(ProxyHeaders, OfTheSecondVersionNameTheClient) {
  expect_source(binary("\x21\x11", of_v4), "192.0.2.1", 56324);
  expect_source(binary("\x21\x11", std::string{of_v4} + "\x04"), "192.0.2.1", 56324);
  const std::string v6 = "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\1" + std::string(16, '\0') + "\1\2\3\4";
  expect_source(binary("\x21\x21", v6), "2001:db8::1", 258);
  expect_source(binary({"\x20\x00", 2}, ""), "", 0);
  expect_source(binary("\x20\x11", of_v4), "", 0);
  expect_source(binary({"\x21\x00", 2}, "?"), "", 0);
  expect_source(binary("\x21\x31", std::string(216, 'u')), "", 0);
}

TEST(ProxyHeaders, AreWaitedForByteByByteAndNeverReadPast) {
  for (const std::string& whole : {std::string{"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"},
                                   std::string{"PROXY UNKNOWN\r\n"}, binary("\x21\x11", of_v4)}) {
    std::size_t came = 0;
    while (came < whole.size()) {
      const ProxyHeader header = read_proxy_header(std::string_view{whole}.substr(0, came));
      ASSERT_EQ(header.outcome, Outcome::incomplete) << came;
      ASSERT_GT(header.size, came);
      ASSERT_LE(header.size, whole.size());
      ++came;
    }
    EXPECT_EQ(read_proxy_header(whole).size, whole.size());
  }
}

TEST(ProxyHeaders, ThatAreNoneAreRefusedAsSoonAsThatIsSeen) {
  for (const std::string& bytes :
       {std::string{"G"}, std::string{"PROXY\tT"}, std::string{"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"},
        std::string{"PROXY TCP4 ::1 ::1 1 2\r\n"}, std::string{"PROXY TCP6 1.2.3.4 ::1 1 2\r\n"},
        std::string{"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"}, std::string{"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"},
        std::string{"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"}, std::string{"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"},
        std::string{"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"}, "PROXY " + std::string(101, 'x'), std::string{"\r\n\r\n\1"},
        binary("\x11\x11", of_v4), binary("\x22\x11", of_v4), binary("\x21\x11", of_v4.substr(1)),
        binary("\x21\x21", of_v4), binary("\x21\x11", of_v4, 5000)})
    EXPECT_EQ(read_proxy_header(bytes).outcome, Outcome::malformed) << bytes;
}

}  // namespace
}  // namespace picket::http
