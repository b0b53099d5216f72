#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <simdjson.h>

#include "picket/wire/internal/msgpack_reader.hpp"
#include "picket/wire/internal/msgpack_writer.hpp"
#include "picket/wire/testing/json_oracle.hpp"
#include "picket/wire/testing/padded.hpp"
#include "tests/conformance/shared.hpp"

/// Every format of MessagePack that can hold a value, for values at the formats' edges: each is read as what it stands
/// for, and what we write is among them.
namespace picket::conformance {
namespace {

using wire::Value;
using wire::internal::Kind;
using wire::internal::MsgpackReader;
using wire::testing::Padded;

/// Types of MessagePack that are no JSON values, and what we do with them.
struct Foreign {
  std::string_view type;
  std::string_view reason;
};
constexpr Foreign foreign[] = {
    {"timestamp", "times are text or milliseconds in this protocol: skipped in unknown fields, refused as a value"},
    {"ext", "no field has an extension type: skipped in unknown fields, refused as a value"},
};

struct Suite {
  std::string name;
  std::filesystem::path file;
  std::size_t encodings;
};

/// Our own vectors, and as a second opinion the npm package msgpack-test-suite, where tools/fetch-msgpack-suite has put
/// it: they have one form.
std::vector<Suite> suites() {
  const std::filesystem::path root{PICKET_SOURCE_DIR};
  std::vector<Suite> found{{"Own", root / "spec/vectors/msgpack.json", 360}};
  const std::filesystem::path fetched = root / "build/suites/msgpack/msgpack-test-suite.json";
  if (std::filesystem::exists(fetched)) found.push_back({"Npm", fetched, 233});
  return found;
}

class MsgpackSuite : public testing::TestWithParam<Suite> {
 protected:
  void SetUp() override {
    simdjson::dom::parser parser;
    suite_ = wire::testing::value_of(parser.load(GetParam().file.string()), arena_);
  }

  /// Calls `use(case, type, bytes)` for every encoding of every case; returns how many there were.
  template <class Use>
  std::size_t for_each(Use&& use) {
    std::size_t count = 0;
    for (const wire::Member& group : *suite_.get<Value::Object>()) {
      for (const Value& one : *group.value.get<Value::List>()) {
        const std::string_view type = one.get<Value::Object>()->front().name;
        for (const Value& encoding : *one.find("msgpack")->get<Value::List>()) {
          std::string hex{*encoding.get<std::string_view>()};
          std::erase(hex, '-');
          SCOPED_TRACE(std::string{group.name} + " " + hex);
          use(one, type, from_hex(hex));
          ++count;
        }
      }
    }
    return count;
  }

  base::Arena arena_{65536};
  Value suite_;
};

bool is_foreign(std::string_view type) {
  return std::ranges::any_of(foreign, [&](const Foreign& row) { return row.type == type; });
}

/// The encoding with something behind it, so that a reader that takes too much or too little is found out.
std::string followed(const std::string& encoding) { return "\x92" + encoding + "\x2A"; }

void expect_next_is_the_answer(MsgpackReader& reader, MsgpackReader::Cursor& cursor) {
  std::uint64_t answer = 0;
  EXPECT_TRUE(reader.next_element(cursor) && reader.read_unsigned(answer, 255) && !reader.next_element(cursor));
  EXPECT_EQ(answer, 42U);
}

/// An integer by its digits where it has more than a double holds, else any number by its value.
void expect_number(const Value& one, const Value& got) {
  const auto* const digits = one.find("bignum");
  const auto* const real = got.get<double>();
  if (digits != nullptr && real == nullptr) {
    EXPECT_EQ(to_json(got), *digits->get<std::string_view>());
  } else if (digits != nullptr) {
    double expected = 0;
    const std::string_view text = *digits->get<std::string_view>();
    std::from_chars(text.data(), text.data() + text.size(), expected);
    EXPECT_EQ(*real, expected);
  } else if (real != nullptr) {
    const Value& number = *one.find("number");
    const auto* const integer = number.get<std::int64_t>();
    EXPECT_EQ(*real, integer != nullptr ? static_cast<double>(*integer) : *number.get<double>());
  } else {
    EXPECT_EQ(got, *one.find("number"));
  }
}

TEST_P(MsgpackSuite, EveryEncodingIsReadAsWhatItStandsFor) {
  const std::size_t count = for_each([&](const Value& one, std::string_view type, const std::string& encoding) {
    const Padded bytes{followed(encoding)};
    MsgpackReader reader{bytes.view(), arena_, {.raw_bodies = true}};
    MsgpackReader::Cursor cursor;
    ASSERT_TRUE(reader.begin_array(cursor) && reader.next_element(cursor));
    if (type == "binary") {
      base::ByteView body;
      ASSERT_TRUE(reader.read_bytes(body));
      std::string hex{*one.find("binary")->get<std::string_view>()};
      std::erase(hex, '-');
      EXPECT_EQ(base::as_text(body), from_hex(hex));
    } else if (is_foreign(type)) {
      MsgpackReader other = reader;
      Value value;
      EXPECT_FALSE(other.read_value(value));
      ASSERT_TRUE(reader.skip()) << reader.error().message();
    } else {
      Value value;
      ASSERT_TRUE(reader.read_value(value)) << reader.error().message();
      if (type == "number" || type == "bignum") {
        expect_number(one, value);
      } else {
        EXPECT_EQ(value, *one.find(type));
      }
    }
    expect_next_is_the_answer(reader, cursor);
  });
  EXPECT_EQ(count, GetParam().encodings);
}

TEST_P(MsgpackSuite, EveryEncodingIsSkippedWholeAndRefusedCutShort) {
  for_each([&](const Value&, std::string_view, const std::string& encoding) {
    const Padded bytes{followed(encoding)};
    MsgpackReader reader{bytes.view(), arena_, {}};
    MsgpackReader::Cursor cursor;
    ASSERT_TRUE(reader.begin_array(cursor) && reader.next_element(cursor) && reader.skip());
    expect_next_is_the_answer(reader, cursor);
    for (std::size_t size = 0; size < encoding.size(); ++size) {
      const Padded cut{encoding.substr(0, size)};
      EXPECT_FALSE((MsgpackReader{cut.view(), arena_, {}}.skip())) << size;
    }
  });
}

TEST_P(MsgpackSuite, WhatWeWriteIsAmongTheEncodings) {
  std::set<const Value*> written;
  std::set<const Value*> cases;
  for_each([&](const Value& one, std::string_view type, const std::string& encoding) {
    if (type == "binary" || is_foreign(type)) return;
    cases.insert(&one);
    const Padded bytes{encoding};
    Value value;
    ASSERT_TRUE((MsgpackReader{bytes.view(), arena_, {}}.read_value(value)));
    wire::Output out;
    wire::internal::MsgpackWriter{out, false}.value(value);
    if (out.flatten() == encoding) written.insert(&one);
  });
  EXPECT_EQ(written, cases);
}

INSTANTIATE_TEST_SUITE_P(Vectors, MsgpackSuite, testing::ValuesIn(suites()),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace picket::conformance
