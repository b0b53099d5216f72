#include "apps/gateway/config/files.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <glob.h>

#include "picket/kdl/parser.hpp"

namespace picket::apps::gateway::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view glob_characters = "*?[\\";

std::string system_message(int number) { return std::generic_category().message(number); }

/// The file's content, or why there is none. Reads one byte more than a document may have, so that the parser
/// complains.
std::string read(const fs::path& path, int& error) {
  error = 0;
  std::error_code code;
  if (fs::is_directory(path, code)) error = EISDIR;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file && error == 0) error = errno != 0 ? errno : EIO;
  std::string text;
  if (error != 0) return text;
  text.resize(kdl::max_document_size + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) error = EIO;
  text.resize(static_cast<std::size_t>(file.gcount()));
  text.shrink_to_fit();
  return text;
}

/// A path with the characters that mean something in a glob escaped.
std::string escape_glob(const std::string& path) {
  std::string result;
  for (const char byte : path) {
    if (glob_characters.contains(byte)) result += '\\';
    result += byte;
  }
  return result;
}

/// Paths that match, sorted by name; `error` is what kept from looking.
std::vector<std::string> match(const std::string& pattern, int& error) {
  static thread_local int failure = 0;
  failure = 0;
  const auto on_error = [](const char*, int number) {
    if (number != ENOENT && number != ENOTDIR) failure = number;
    return 0;
  };
  ::glob_t found{};
  ::glob(pattern.c_str(), GLOB_NOSORT, on_error, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::ranges::sort(paths);
  error = failure;
  return paths;
}

class FileReader {
 public:
  FileReader(const Environment& environment, Files& files) : environment_(environment), files_(files) {}

  void main_file(const fs::path& path) {
    if (const int error = file(path); error != 0)
      report({}, fmt::format("can't read this file: {}", system_message(error)), "check its name and its permissions");
  }

 private:
  /// Where a file came into the configuration, by its true path.
  struct Seen {
    kdl::Span included;  ///< The include that named it; nothing for the main file.
    bool open = true;    ///< It is still being read: including it is a cycle.
  };

  /// Reads one file. Gives an errno where that fails; what is wrong in it is reported.
  int file(const fs::path& path) {
    int error = 0;
    std::string text = read(path, error);
    std::error_code code;
    const auto index = static_cast<std::uint32_t>(files_.sources.size());
    Source source{.name = path.string(), .folder = fs::absolute(path, code).parent_path(), .text = std::move(text)};
    source.readable = error == 0;
    source.lines = index_lines(source.text);
    if (error == 0 || index == 0) files_.sources.push_back(std::move(source));
    if (error != 0) {
      files_.complete = false;
      return error;
    }
    const auto [entry, added] = seen_.try_emplace(fs::weakly_canonical(path, code));
    kdl::Parsed parsed = kdl::parse(files_.sources.back().text, index);
    files_.complete = files_.complete && parsed.errors.empty();
    std::ranges::move(parsed.errors, std::back_inserter(files_.problems));
    expand(parsed.nodes, environment_, files_.sources, files_.problems);
    for (kdl::Node& node : parsed.nodes) {
      if (node.name.text == "include") {
        include(node);
      } else {
        files_.nodes.push_back(std::move(node));
      }
    }
    entry->second.open = false;
    return 0;
  }

  void include(const kdl::Node& node) {
    if (node.broken) {
      files_.complete = false;
      return;
    }
    const bool one = node.arguments.size() == 1 && node.properties.empty() && !node.has_block && !node.type;
    const auto* const pattern = one ? node.arguments.front().get<kdl::String>() : nullptr;
    if (pattern == nullptr || pattern->text.empty() || pattern->text.contains('\0')) {
      return report(node.name.at, "\"include\" takes one text, the names of files", "include \"conf.d/*.kdl\"");
    }
    const Source& source = files_.sources.at(node.name.at.file);
    const kdl::Span at = node.arguments.front().at;
    int error = 0;
    const bool absolute = pattern->text.starts_with('/');
    const std::vector<std::string> paths =
        match(absolute ? pattern->text : escape_glob(source.folder.string()) + '/' + pattern->text, error);
    if (error != 0) return report(at, fmt::format("can't look for files: {}", system_message(error)), {});
    if (paths.empty() && pattern->text.find_first_of(glob_characters) == std::string::npos)
      return report(at, fmt::format("there is no file \"{}\"", pattern->text),
                    fmt::format("it is looked for in {}", source.folder.string()));
    const fs::path shown = absolute ? fs::path() : fs::path(source.name).parent_path();
    const std::string folder = source.folder.string() + '/';
    for (const std::string& path : paths) {
      included_file(absolute ? fs::path(path) : shown / path.substr(folder.size()), at);
    }
  }

  void included_file(const fs::path& path, const kdl::Span& at) {
    std::error_code code;
    const auto known = seen_.find(fs::weakly_canonical(path, code));
    if (known != seen_.end()) {
      const Seen& seen = known->second;
      const std::string name = path.string();
      if (seen.open) return report(at, fmt::format("\"{}\" would include itself", name), "remove this include");
      return report(at, fmt::format("\"{}\" is included twice", name),
                    fmt::format("first at {}", describe_place(files_.sources, seen.included)));
    }
    if (files_.sources.size() == max_files)
      return report(at, fmt::format("more than {} files", max_files), "join some of them");
    seen_.emplace(fs::weakly_canonical(path, code), Seen{.included = at});
    if (const int error = file(path); error != 0)
      report(at, fmt::format("can't read \"{}\": {}", path.string(), system_message(error)), "check its permissions");
  }

  void report(const kdl::Span& at, std::string message, std::string hint) {
    files_.complete = false;
    files_.problems.push_back({at, std::move(message), std::move(hint)});
  }

  const Environment& environment_;
  Files& files_;
  std::map<fs::path, Seen> seen_;
};

}  // namespace

Files read_files(const fs::path& path, const Environment& environment) {
  Files files;
  FileReader(environment, files).main_file(path);
  return files;
}

}  // namespace picket::apps::gateway::config
