#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include <modsecurity/collection/collection.h>

namespace picket::apps::waf {

/// One of the collections that all exchanges of a process share (GLOBAL, IP, SESSION, …) behind a lock: libmodsecurity
/// 3.0.9 locks what writes to one, not what reads it meanwhile.
/// Thread safety: any thread. Complexity: as the library's, and the lock.
class SharedCollection final : public modsecurity::collection::Collection {
 public:
  using Base = modsecurity::collection::Collection;
  using Values = std::vector<const modsecurity::VariableValue*>;
  using Exclusions = modsecurity::variables::KeyExclusions;

  explicit SharedCollection(std::unique_ptr<Base> inner) : Base(inner->m_name), inner_(std::move(inner)) {}

  using Base::del;
  using Base::resolveFirst;
  using Base::resolveMultiMatches;
  using Base::resolveRegularExpression;
  using Base::resolveSingleMatch;
  using Base::store;
  using Base::storeOrUpdateFirst;
  using Base::updateFirst;

  void store(std::string key, std::string value) override {
    const std::unique_lock lock(mutex_);
    inner_->store(std::move(key), std::move(value));
  }
  bool storeOrUpdateFirst(const std::string& key, const std::string& value) override {
    const std::unique_lock lock(mutex_);
    return inner_->storeOrUpdateFirst(key, value);
  }
  bool updateFirst(const std::string& key, const std::string& value) override {
    const std::unique_lock lock(mutex_);
    return inner_->updateFirst(key, value);
  }
  void del(const std::string& key) override {
    const std::unique_lock lock(mutex_);
    inner_->del(key);
  }
  std::unique_ptr<std::string> resolveFirst(const std::string& name) override {
    const std::shared_lock lock(mutex_);
    return inner_->resolveFirst(name);
  }
  void resolveSingleMatch(const std::string& name, Values* found) override {
    const std::shared_lock lock(mutex_);
    inner_->resolveSingleMatch(name, found);
  }
  void resolveMultiMatches(const std::string& name, Values* found, Exclusions& exclusions) override {
    const std::shared_lock lock(mutex_);
    inner_->resolveMultiMatches(name, found, exclusions);
  }
  void resolveRegularExpression(const std::string& name, Values* found, Exclusions& exclusions) override {
    const std::shared_lock lock(mutex_);
    inner_->resolveRegularExpression(name, found, exclusions);
  }

 private:
  std::shared_mutex mutex_;
  std::unique_ptr<Base> inner_;
};

}  // namespace picket::apps::waf
