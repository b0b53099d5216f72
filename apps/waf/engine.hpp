#pragma once

#include <memory>
#include <mutex>

namespace modsecurity {
class ModSecurity;
}

namespace picket::apps::waf {

/// libmodsecurity itself: what it sets up once per process (libxml2, the collections that rules share).
/// At most one lives at a time, because its end tears down libxml2 for the whole process; main() makes it, every
/// RuleSet keeps it. Thread safety: any thread may evaluate with it. The parser of rules keeps its state in globals:
/// one thread parses at a time, see parsing().
class Engine {
 public:
  [[nodiscard]] static std::shared_ptr<Engine> create();

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// To be held while rules are parsed: two parsers at once crash, or accept a set with rules missing.
  [[nodiscard]] std::unique_lock<std::mutex> parsing() { return std::unique_lock{parser_}; }

  [[nodiscard]] modsecurity::ModSecurity& get() const noexcept { return *modsecurity_; }

 private:
  Engine();
  std::unique_ptr<modsecurity::ModSecurity> modsecurity_;
  std::mutex parser_;
};

}  // namespace picket::apps::waf
