#include <array>
#include <string>

#include <gtest/gtest.h>

#include "picket/wire/codec.hpp"
#include "picket/wire/testing/last_page.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/padded.hpp"

/// Header fields are copied by whole registers, which see bytes behind a text: they never decide, and never fault.
namespace picket::wire {
namespace {

std::string text_of(std::size_t size, char first) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i % 26);
  return text;
}

/// What the reader finds of the second of three fields; the first is always written by itself.
Header second_as_read(const Format& format, const Header& field, base::Arena& arena) {
  const std::array<Header, 3> fields{{{"a", "1"}, field, {"b", "2"}}};
  const ResponseHeaders head{.correlation_id = "id", .status = 200, .headers = {fields}};
  const testing::Padded payload{testing::payload_of(format, head)};
  const auto decoded = decode<ResponseHeaders>(format, payload.view(), arena);
  if (!decoded || decoded->headers.size() != 3 || decoded->headers[2] != fields[2]) {
    ADD_FAILURE() << "read otherwise: " << payload.view();
    return {};
  }
  return {arena.copy(decoded->headers[1].name), arena.copy(decoded->headers[1].value)};
}

constexpr std::array<Format, 3> formats{
    {{}, {.encoding = Encoding::msgpack, .raw_bytes = true}, {.encoding = Encoding::protobuf}}};
constexpr std::array<std::size_t, 15> sizes{1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256};

TEST(HeaderFields, WhatStandsBehindATextIsNotPartOfItWhereverItsPageEnds) {
  testing::LastPage page;
  for (const Format& format : formats) {
    for (const std::size_t size : sizes) {
      for (std::size_t behind = 0; behind <= 33; ++behind) {
        base::Arena arena;
        const std::string_view name = page.place(text_of(size, 'A'), behind);
        EXPECT_EQ(second_as_read(format, {name, "v"}, arena), (Header{text_of(size, 'a'), "v"}))
            << size << ' ' << behind;
        const std::string_view value = page.place(text_of(size, 'A'), behind);
        EXPECT_EQ(second_as_read(format, {"n", value}, arena), (Header{"n", text_of(size, 'A')}))
            << size << ' ' << behind;
      }
    }
  }
}

TEST(HeaderFields, AByteThatIsNotPlainIsFoundAtEveryPlace) {
  for (const Format& format : formats) {
    for (const std::size_t size : sizes) {
      for (std::size_t at = 0; at < size; ++at) {
        for (const std::string_view special : {"\"", "\\", "\x01", "\x7f", "\xff"}) {
          const bool replaced = special == "\xff" && format.encoding == Encoding::json;
          std::string value = text_of(size, 'A');
          value.replace(at, 1, special);
          base::Arena arena;
          const Header read = second_as_read(format, {"n", value}, arena);
          if (replaced) value.replace(at, 1, "\xEF\xBF\xBD");
          EXPECT_EQ(read.value, value) << size << ' ' << at;
        }
      }
    }
  }
}

TEST(HeaderFields, AByteOfANameThatIsNotPlainIsFoundAtEveryPlace) {
  for (const Format& format : formats) {
    for (const std::size_t size : sizes) {
      for (std::size_t at = 0; at < size; ++at) {
        for (const char special : {'"', '\\', '\x01', '\x7f'}) {
          std::string name = text_of(size, 'a');
          name[at] = special;
          base::Arena arena;
          EXPECT_EQ(second_as_read(format, {name, "v"}, arena).name, name) << size << ' ' << at;
        }
      }
    }
  }
}

TEST(HeaderFields, AnEmptyTextNeedsNoMemory) {
  for (const Format& format : formats) {
    base::Arena arena;
    EXPECT_EQ(second_as_read(format, {"n", {}}, arena), (Header{"n", ""}));
    EXPECT_EQ(second_as_read(format, {{}, "v"}, arena), (Header{"", "v"}));
  }
}

}  // namespace
}  // namespace picket::wire
