#include <array>
#include <limits>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "picket/wire/codec.hpp"
#include "picket/wire/testing/equal.hpp"
#include "picket/wire/testing/last_page.hpp"
#include "picket/wire/testing/padded.hpp"

/// Texts and numbers of a struct that follow each other are written together, by whole registers: a text that needs
/// more than copying, or stands at the end of a page, changes nothing for itself or the others.
namespace picket::wire {
namespace {

constexpr std::array<Format, 2> formats{{{}, {.encoding = Encoding::msgpack, .raw_bytes = true}}};
constexpr std::array<std::size_t, 12> sizes{0, 1, 15, 16, 31, 32, 33, 64, 65, 255, 256, 400};

std::string text_of(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

RequestMetadata metadata_of(Text text) {
  return {.correlation_id = text,
          .request_id = "request",
          .client_ip = text,
          .client_port = 54321,
          .server_name = text,
          .protocol = "HTTP/2",
          .tls_version = text,
          .tls_cipher = "TLS_AES_256_GCM_SHA384",
          .route_id = text,
          .upstream_id = text,
          .timestamp = text,
          .traceparent = text};
}

template <class Message>
std::string payload_of(const Format& format, const Message& message) {
  Output out;
  EXPECT_TRUE(encode(format, message, out));
  return out.flatten();
}

/// `expected` is what the reader finds of `written`.
template <class Message>
void expect_read_as(const Format& format, const Message& written, const Message& expected) {
  const testing::Padded payload{payload_of(format, written)};
  base::Arena arena;
  const auto read = decode<Message>(format, payload.view(), arena);
  ASSERT_TRUE(read) << payload.view();
  EXPECT_TRUE(testing::equal(*read, expected)) << payload.view();
}

template <class Message>
void expect_read_as_written(const Format& format, const Message& written) {
  expect_read_as(format, written, written);
}

TEST(FieldRuns, WhatStandsBehindATextIsNotPartOfItWhereverItsPageEnds) {
  testing::LastPage page;
  for (const Format& format : formats) {
    for (const std::size_t size : sizes) {
      for (std::size_t behind = 0; behind <= 33; ++behind) {
        const Text text = page.place(text_of(size), behind);
        expect_read_as_written(format, RequestHeaders{.metadata = metadata_of(text), .method = text, .uri = "/"});
        expect_read_as_written(format, RequestHeaders{.metadata = metadata_of("t"), .method = "GET", .uri = text});
      }
    }
  }
}

TEST(FieldRuns, AByteThatIsNotPlainIsFoundAtEveryPlace) {
  for (const Format& format : formats) {
    for (const std::size_t size : sizes) {
      for (std::size_t at = 0; at < size; ++at) {
        for (const std::string_view special : {"\"", "\\", "\x01", "\x7f", "\xC3\xA4"}) {
          std::string text = text_of(size);
          text.replace(at, 1, special);
          RequestMetadata metadata = metadata_of("t");
          metadata.route_id = text;
          expect_read_as_written(format, RequestHeaders{.metadata = metadata, .method = "GET", .uri = text});
        }
      }
    }
  }
}

TEST(FieldRuns, WhatIsNotUtf8IsReplacedInItsFieldOnly) {
  for (const Format& format : formats) {
    RequestMetadata written = metadata_of("t");
    written.tls_cipher = "a\xFF";
    RequestMetadata expected = metadata_of("t");
    expected.tls_cipher = "a\xEF\xBF\xBD";
    expect_read_as(format, RequestHeaders{.metadata = written, .method = "GET", .uri = "/\xFE"},
                   RequestHeaders{.metadata = expected, .method = "GET", .uri = "/\xEF\xBF\xBD"});
  }
}

TEST(FieldRuns, AnyOfThemMayBeNothing) {
  for (const Format& format : formats) {
    for (unsigned present = 0; present < 64; ++present) {
      const auto text = [&](unsigned i) {
        return (present >> i & 1U) != 0 ? std::optional<Text>{"text"} : std::nullopt;
      };
      RequestMetadata metadata = metadata_of("t");
      metadata.server_name = text(0);
      metadata.tls_version = text(1);
      metadata.tls_cipher = text(2);
      metadata.route_id = text(3);
      metadata.upstream_id = text(4);
      metadata.traceparent = text(5);
      expect_read_as_written(format, RequestHeaders{.metadata = metadata, .method = "GET", .uri = "/"});
    }
  }
}

TEST(FieldRuns, EmptyTextNeedsNoMemory) {
  for (const Format& format : formats)
    expect_read_as_written(format, RequestHeaders{.metadata = metadata_of({}), .method = {}, .uri = {}});
}

TEST(FieldRuns, NumbersAreWrittenInTheirShortestForm) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  constexpr std::pair<std::uint64_t, std::size_t> sizes_in_msgpack[] = {
      {0, 1},   {9, 1},      {10, 1},     {127, 1},        {128, 2},         {255, 2},
      {256, 3}, {65'535, 3}, {65'536, 5}, {0xFFFFFFFF, 5}, {0x100000000, 9}, {most, 9}};
  const auto completed = [](std::uint64_t number) {
    return RequestComplete{.correlation_id = "id",
                           .status = 200,
                           .duration_ms = number,
                           .request_body_size = number,
                           .response_body_size = number,
                           .error = "behind them"};
  };
  const std::size_t zeros_in_json = payload_of(formats[0], completed(0)).size();
  const std::size_t zeros_in_msgpack = payload_of(formats[1], completed(0)).size();
  for (const auto& [number, size] : sizes_in_msgpack) {
    for (const Format& format : formats) expect_read_as_written(format, completed(number));
    EXPECT_EQ(payload_of(formats[0], completed(number)).size(),
              zeros_in_json + 3 * (std::to_string(number).size() - 1));
    EXPECT_EQ(payload_of(formats[1], completed(number)).size(), zeros_in_msgpack + 3 * (size - 1));
  }
}

}  // namespace
}  // namespace picket::wire
