#include "picket/pool/crash_record.hpp"

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint dialled{1h};

TEST(CrashRecord, ConnectionsThatEndTogetherAreOneCrash) {
  CrashRecord record;
  EXPECT_TRUE(record.note(dialled, dialled + 10s).is_new);
  EXPECT_FALSE(record.note(dialled, dialled + 10s).is_new);
  EXPECT_FALSE(record.note(dialled + 5s, dialled + 10s + 999ms).is_new);
  EXPECT_TRUE(record.note(dialled, dialled + 11s).is_new) << "so late it is another one";
}

TEST(CrashRecord, AConnectionThatWasMadeSinceIsAnotherCrashHoweverSoonItEnds) {
  CrashRecord record;
  EXPECT_TRUE(record.note(dialled, dialled + 10s).is_new);
  EXPECT_TRUE(record.note(dialled + 10s, dialled + 10s + 1ms).is_new);
}

TEST(CrashRecord, ACrashIsUselessWhereNothingWasAnsweredSinceTheOneBefore) {
  CrashRecord record;
  EXPECT_FALSE(record.note(dialled, dialled + 10s).was_useless) << "of the first nobody knows what was before it";
  EXPECT_TRUE(record.note(dialled + 11s, dialled + 12s).was_useless);
  EXPECT_TRUE(record.note(dialled, dialled + 12s).was_useless) << "the same for all of its connections";
  record.answered();
  EXPECT_FALSE(record.note(dialled + 13s, dialled + 14s).was_useless);
  EXPECT_TRUE(record.note(dialled + 15s, dialled + 16s).was_useless);
}

}  // namespace
}  // namespace picket::pool
