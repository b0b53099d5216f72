#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/config/diagnostic.hpp"
#include "picket/kdl/document.hpp"

namespace picket::apps::gateway::config {

/// A file that was read, or could not be.
struct Source {
  std::string name;              ///< As people named it.
  std::filesystem::path folder;  ///< Absolute: what relative paths in it are relative to.
  std::string text;
  bool readable = true;
  std::vector<std::uint32_t> lines = {};  ///< Where each line begins, from index_lines().
};

/// Where the lines of a text begin. They end at LF, CR or CR LF, as editors count them.
[[nodiscard]] std::vector<std::uint32_t> index_lines(std::string_view text);

/// All files of a configuration; their index is the `file` of kdl::Span. In the order in which they were read.
using Sources = std::vector<Source>;

/// What is wrong, in the order in which it was found.
using Problems = std::vector<kdl::Error>;

/// "FILE:LINE" of a place, for hints that point to another one.
[[nodiscard]] std::string describe_place(const Sources& sources, const kdl::Span& at);

/// The problems as they are shown: by file, line and column.
[[nodiscard]] std::vector<Diagnostic> diagnose(const Sources& sources, Problems problems);

}  // namespace picket::apps::gateway::config
