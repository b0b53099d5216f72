#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "picket/base/result.hpp"

namespace picket::agent::internal {

/// What is made of files that somebody renews while the agent serves, such as certificates: made again once they are
/// others. Files that cannot be used leave what there is, and are tried again when they have changed again: who renews
/// two of them does so one after the other.
///
/// Thread safety: every call, from any thread; a mutex is taken, for connections that begin. Lifetime: a value's.
template <class T>
class FromFiles {
 public:
  using Edition = std::function<std::string()>;  ///< Of the files as they are now.
  using Make = std::function<base::Result<T>()>;
  using Log = std::function<void(std::string_view)>;

  /// Errors: those of `make`. `log` may be empty.
  [[nodiscard]] static base::Result<std::shared_ptr<FromFiles>> create(Edition edition, Make make, Log log) {
    std::string found = edition();  // before they are read: what changes meanwhile is seen later
    auto first = make();
    if (!first) return std::move(first.error());
    return std::shared_ptr<FromFiles>{
        new FromFiles{std::move(edition), std::move(make), std::move(log), std::move(found), std::move(*first)}};
  }

  [[nodiscard]] T current() {
    const std::lock_guard lock{mutex_};
    if (std::string found = edition_(); found != read_) {
      read_ = std::move(found);
      renew();
    }
    return made_;
  }

 private:
  FromFiles(Edition edition, Make make, Log log, std::string read, T made)
      : edition_(std::move(edition)),
        make_(std::move(make)),
        log_(std::move(log)),
        read_(std::move(read)),
        made_(std::move(made)) {}

  void renew() {
    auto made = make_();
    if (log_)
      log_(made ? std::string{"the TLS files have changed: new connections use them"}
                : fmt::format("the TLS files have changed and cannot be used, those before are used on: {}",
                              made.error().detail()));
    if (made) made_ = std::move(*made);
  }

  const Edition edition_;
  const Make make_;
  const Log log_;
  std::mutex mutex_;
  std::string read_;
  T made_;
};

}  // namespace picket::agent::internal
