#include <array>
#include <string>

#include <gtest/gtest.h>

#include "picket/wire/codec.hpp"
#include "picket/wire/testing/equal.hpp"
#include "picket/wire/testing/last_page.hpp"
#include "picket/wire/testing/padded.hpp"

/// Texts of a struct that follow each other are written together, by whole registers: one that needs more than copying,
/// or stands at the end of a page, changes nothing for itself or the others.
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

/// `expected` is what the reader finds of `written`.
void expect_read_as(const Format& format, const RequestHeaders& written, const RequestHeaders& expected) {
  Output out;
  EXPECT_TRUE(encode(format, written, out));
  const testing::Padded payload{out.flatten().substr(frame_header_size)};
  base::Arena arena;
  const auto read = decode<RequestHeaders>(format, payload.view(), arena);
  ASSERT_TRUE(read) << payload.view();
  EXPECT_TRUE(testing::equal(*read, expected)) << payload.view();
}

void expect_read_as_written(const Format& format, const RequestHeaders& written) {
  expect_read_as(format, written, written);
}

TEST(TextFields, WhatStandsBehindATextIsNotPartOfItWhereverItsPageEnds) {
  testing::LastPage page;
  for (const Format& format : formats) {
    for (const std::size_t size : sizes) {
      for (std::size_t behind = 0; behind <= 33; ++behind) {
        const Text text = page.place(text_of(size), behind);
        expect_read_as_written(format, {.metadata = metadata_of(text), .method = text, .uri = "/"});
        expect_read_as_written(format, {.metadata = metadata_of("t"), .method = "GET", .uri = text});
      }
    }
  }
}

TEST(TextFields, AByteThatIsNotPlainIsFoundAtEveryPlace) {
  for (const Format& format : formats) {
    for (const std::size_t size : sizes) {
      for (std::size_t at = 0; at < size; ++at) {
        for (const std::string_view special : {"\"", "\\", "\x01", "\x7f", "\xC3\xA4"}) {
          std::string text = text_of(size);
          text.replace(at, 1, special);
          RequestMetadata metadata = metadata_of("t");
          metadata.route_id = text;
          expect_read_as_written(format, {.metadata = metadata, .method = "GET", .uri = text});
        }
      }
    }
  }
}

TEST(TextFields, WhatIsNotUtf8IsReplacedInItsFieldOnly) {
  for (const Format& format : formats) {
    RequestMetadata written = metadata_of("t");
    written.tls_cipher = "a\xFF";
    RequestMetadata expected = metadata_of("t");
    expected.tls_cipher = "a\xEF\xBF\xBD";
    expect_read_as(format, {.metadata = written, .method = "GET", .uri = "/\xFE"},
                   {.metadata = expected, .method = "GET", .uri = "/\xEF\xBF\xBD"});
  }
}

TEST(TextFields, AnyOfThemMayBeNothing) {
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
      expect_read_as_written(format, {.metadata = metadata, .method = "GET", .uri = "/"});
    }
  }
}

TEST(TextFields, EmptyTextNeedsNoMemory) {
  for (const Format& format : formats)
    expect_read_as_written(format, {.metadata = metadata_of({}), .method = {}, .uri = {}});
}

}  // namespace
}  // namespace picket::wire
