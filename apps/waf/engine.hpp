#pragma once

#include <memory>

namespace modsecurity {
class ModSecurity;
}

namespace picket::apps::waf {

/// libmodsecurity itself: what it sets up once per process (libxml2, the collections that rules share).
/// At most one lives at a time, because its end tears down libxml2 for the whole process; main() makes it, every
/// RuleSet keeps it. Thread safety: any thread may evaluate with it.
class Engine {
 public:
  [[nodiscard]] static std::shared_ptr<Engine> create();

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  [[nodiscard]] modsecurity::ModSecurity& get() const noexcept { return *modsecurity_; }

 private:
  Engine();
  std::unique_ptr<modsecurity::ModSecurity> modsecurity_;
};

}  // namespace picket::apps::waf
