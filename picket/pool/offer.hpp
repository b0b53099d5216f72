#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace picket::pool {

/// Another configuration that an agent is offered while it serves, until it is adopted or withdrawn; what its
/// connections say of it, they know themselves.
///
/// A value. Thread safety: its owner's. Lifetime: owns its text. Errors: none. Complexity: O(1), and the text's copy.
///
///   offer.make(config_json);
///   …                                                       // each connection says what it makes of it
///   if (offer.refuse("the agent refuses it")) tell_the_others();
class Offer {
 public:
  enum class Outcome : std::uint8_t {
    none,     ///< Nothing is offered.
    open,     ///< Nobody has refused it.
    refused,  ///< Until it is withdrawn.
  };

  [[nodiscard]] Outcome outcome() const noexcept {
    return refusal_ ? Outcome::refused : offered_ ? Outcome::open : Outcome::none;
  }
  /// What is offered; with an outcome that is not none.
  [[nodiscard]] const std::string& config_json() const noexcept { return *offered_; }
  /// Why it was refused.
  [[nodiscard]] const std::optional<std::string>& refusal() const noexcept { return refusal_; }
  /// Whether it is to be adopted as soon as all have taken it.
  [[nodiscard]] bool is_wanted() const noexcept { return is_wanted_; }

  /// In place of one before, whatever became of that.
  void make(std::string config_json) { *this = Offer{std::move(config_json)}; }
  /// It is to be adopted, unless it was refused, or there is none. So that whoever adopts need not wait for the last
  /// answer.
  void want() noexcept { is_wanted_ = outcome() == Outcome::open; }
  /// The first who refuses decides. False: it was decided before, or there is none.
  [[nodiscard]] bool refuse(std::string why) {
    if (outcome() != Outcome::open) return false;
    refusal_ = std::move(why);
    is_wanted_ = false;
    return true;
  }
  /// What was offered, which is an offer no more. With an outcome that is not none.
  [[nodiscard]] std::string take() {
    std::string taken = std::move(*offered_);
    *this = {};
    return taken;
  }

  Offer() = default;

 private:
  explicit Offer(std::string config_json) : offered_(std::move(config_json)) {}

  std::optional<std::string> offered_;
  std::optional<std::string> refusal_;
  bool is_wanted_ = false;
};

}  // namespace picket::pool
