#include "picket/base/error.hpp"

#include <set>

#include <gtest/gtest.h>

#include "picket/base/result.hpp"

namespace picket::base {
namespace {

TEST(Error, EveryKindHasANameAndASentenceOfItsOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> sentences;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::io); ++kind) {
    names.insert(name(static_cast<ErrorKind>(kind)));
    sentences.insert(sentence(static_cast<ErrorKind>(kind)));
  }
  EXPECT_EQ(names.size(), 12U);
  EXPECT_EQ(sentences.size(), 12U);
}

TEST(Error, MessageNamesTheKindAndTheDetail) {
  EXPECT_EQ(fail(ErrorKind::timeout, "no answer within 250 ms").message(), "timeout: no answer within 250 ms");
  EXPECT_EQ(Error{ErrorKind::io}.message(), "io: the operating system refused an operation");
}

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorKind::invalid_message, "odd");
  return n / 2;
}
Status both_even(int a, int b) {
  PICKET_TRY(half(a));
  PICKET_TRY(half(b));
  return {};
}

TEST(Result, TryPassesTheFirstErrorOn) {
  EXPECT_TRUE(both_even(2, 4));
  const auto status = both_even(2, 3);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error(), fail(ErrorKind::invalid_message, "odd"));
}

}  // namespace
}  // namespace picket::base
