#include "apps/waf/expansion.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace picket::apps::waf {
namespace {

/// ".array_" and a counter below 1000, or a dot.
constexpr std::size_t array_suffix = 10;
constexpr std::size_t object_suffix = 1;
constexpr std::size_t root_name = 4;  // "json"

/// Walks a JSON text by its tokens and keeps the length of the name that leads to where it is.
class JsonWalk {
 public:
  explicit JsonWalk(std::string_view text) : rest_(text) {}

  Expansion run() {
    while (!rest_.empty()) step();
    return seen_;
  }

 private:
  void step() {
    switch (rest_.front()) {
      case '{': return open(object_suffix);
      case '[': return open(array_suffix);
      case '}':
      case ']': return close();
      case '"': return string();
      case ',':
      case ':':
      case ' ':
      case '\t':
      case '\r':
      case '\n': return rest_.remove_prefix(1);
      default: return scalar(take(std::min(rest_.find_first_of(",:[]{}\" \t\r\n"), rest_.size())));
    }
  }

  std::size_t take(std::size_t size) {
    rest_.remove_prefix(size);
    return size;
  }
  void open(std::size_t suffix) {
    outer_.push_back(path_);
    path_ += key_ + suffix;
    key_ = 0;
    take(1);
  }
  void close() {
    if (!outer_.empty()) {
      path_ = outer_.back();
      outer_.pop_back();
    }
    take(1);
  }
  /// A key where a colon follows. Escapes count as they are written, which is never less than what they stand for.
  void string() {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    const std::size_t size = take(std::min(end + 1, rest_.size()));
    const auto next = rest_.find_first_not_of(" \t\r\n");
    if (next != std::string_view::npos && rest_[next] == ':')
      key_ = size;
    else
      scalar(size);
  }
  void scalar(std::size_t size) {
    const std::size_t name = path_ + key_;
    seen_.longest_name = std::max(seen_.longest_name, name);
    seen_.total += name + size;
    key_ = 0;
  }

  std::string_view rest_;
  Expansion seen_;
  std::size_t path_ = root_name;
  std::size_t key_ = 0;  // of the member whose value comes
  std::vector<std::size_t> outer_;
};

}  // namespace

Expansion json_expansion(std::string_view body) { return JsonWalk(body).run(); }

Expansion multipart_expansion(std::string_view body, std::string_view boundary) {
  constexpr std::string_view end_of_headers = "\r\n\r\n";
  const std::string delimiter = "--" + std::string(boundary);
  Expansion seen;
  for (auto at = body.find(delimiter); at != std::string_view::npos; at = body.find(delimiter, at)) {
    const auto end = std::min(body.find(end_of_headers, at), body.size());
    seen.longest_name = std::max(seen.longest_name, end - at);
    seen.total += end - at;
    at = end;
  }
  return seen;
}

}  // namespace picket::apps::waf
