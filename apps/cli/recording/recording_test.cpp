#include "apps/cli/recording/recording.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::cli {
namespace {

using ::testing::HasSubstr;
using wire::FrameType;

const std::vector<Record> records{
    {Direction::to_agent, std::chrono::microseconds{0}, FrameType::handshake_request, "{}"},
    {Direction::to_proxy, std::chrono::microseconds{1532}, FrameType::agent_response,
     std::string("\n> 0 ping 2\n\0", 13)},
    {Direction::to_agent, std::chrono::microseconds{9'000'000}, FrameType::ping, ""}};

std::string file_of() {
  std::string file = recording_header();
  for (const Record& record : records) file += to_text(record);
  return file;
}

TEST(Recording, WhatIsWrittenIsRead) {
  const auto read = read_recording(file_of());
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ((*read)[i].direction, records[i].direction);
    EXPECT_EQ((*read)[i].at, records[i].at);
    EXPECT_EQ((*read)[i].type, records[i].type);
    EXPECT_EQ((*read)[i].payload, records[i].payload);
  }
}

TEST(Recording, CutAnywhereItNamesTheRecordThatIsNotWhole) {
  const std::string file = file_of();
  std::size_t whole = recording_header().size();
  std::size_t next = 0;
  for (std::size_t size = whole + 1; size < file.size(); ++size) {
    if (next < records.size() && size == whole + to_text(records[next]).size()) {
      whole += to_text(records[next++]).size();
      EXPECT_TRUE(read_recording(file.substr(0, size))) << "between two records";
      continue;
    }
    const auto read = read_recording(file.substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_THAT(read.error().detail(), HasSubstr("byte " + std::to_string(whole) + ": the recording is cut")) << size;
  }
}

TEST(Recording, WhatIsNoRecordIsRefusedWhereItBegins) {
  for (const std::string_view line : {"> 0 ping", "> 0 ping 2 3", "= 0 ping 2", "> -1 ping 2", "> 0 ping 2x",
                                      "> 18446744073709551616 ping 2", ">", ""}) {
    const auto read = read_recording(recording_header() + std::string{line} + "\n{}\n");
    ASSERT_FALSE(read) << line;
    EXPECT_THAT(read.error().detail(), HasSubstr("byte 19: this is no record")) << line;
  }
  for (const std::string_view file : {"", "\n", "picket-recording", "picket-recordin 1\n"}) {
    const auto read = read_recording(file);
    ASSERT_FALSE(read) << file;
    EXPECT_THAT(read.error().detail(), HasSubstr("byte 0: this is no recording"));
  }
}

}  // namespace
}  // namespace picket::apps::cli
