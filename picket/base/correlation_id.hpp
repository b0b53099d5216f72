#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace picket::base {

/// The id of one exchange, minted by the proxy: 32 lower-case hexadecimal digits, of which 8 are the minting worker's
/// slot, 8 the slot's generation and 16 random. A response finds its exchange by the slot, without hashing, and is
/// believed only after all 32 digits compare equal; the random half is what a client or a foreign agent cannot guess.
///
/// Whoever looks one up: slot_of() the text that came, look at what the table has in that slot, compare with its
/// text().
///
/// Thread safety: a value. Lifetime: text() is the object's own.
class CorrelationId {
 public:
  static constexpr std::size_t size = 32;  ///< Characters.

  /// The id of nothing: 32 NULs, which no peer's text equals that slot_of() has let pass.
  CorrelationId() = default;
  CorrelationId(std::uint32_t slot, std::uint32_t generation, std::uint64_t random) noexcept;

  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), text_.size()}; }
  /// Dense from 0: an index into a table of the worker's exchanges.
  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }

  /// The slot that a text claims, or nothing where the text cannot be an id of ours. A claim, no more: it may be beyond
  /// the table, or of an exchange that is over. Only comparing with the text() that is in the table decides.
  /// Complexity: O(1), eight digits are looked at.
  [[nodiscard]] static std::optional<std::uint32_t> slot_of(std::string_view text) noexcept;

  friend bool operator==(const CorrelationId&, const CorrelationId&) = default;

 private:
  std::array<char, size> text_{};
  std::uint32_t slot_ = 0;
};

class MintedId;

/// Mints ids and gives their slots out again when they are over; slots stay dense, so that tables indexed by them stay
/// small. The random half is the kernel's, fetched for many ids at once.
///
///   const base::MintedId id = worker.ids().mint();        // one for each HTTP exchange
///   pool::Exchange exchange{agent, id, pool::Demand::declared};  // any number of agents share it
///
/// Thread safety: one owner, the worker. Lifetime: outlives the ids that it minted. Errors: mint() throws
/// std::system_error where the kernel has no random numbers. Complexity: O(1); allocates only when more exchanges live
/// at once than ever before.
class CorrelationIds {
 public:
  CorrelationIds() = default;
  CorrelationIds(const CorrelationIds&) = delete;
  CorrelationIds& operator=(const CorrelationIds&) = delete;

  /// Another id than any before, and than any that another worker or process mints, but by a chance of 2^-64. One in
  /// 256 asks the kernel. A process that is forked must not go on minting with this object: both would mint the same.
  [[nodiscard]] MintedId mint();

 private:
  friend class MintedId;

  /// Its slot may be minted again, with another generation.
  void release(const CorrelationId& id) noexcept;
  [[nodiscard]] std::uint64_t random();

  std::array<std::uint64_t, 256> pool_{};
  std::size_t used_ = pool_.size();
  std::vector<std::uint32_t> generations_;
  std::vector<std::uint32_t> free_;
};

/// An id that is in use: its slot is given out again when this is gone. Default-constructed and moved from it is the id
/// of nothing.
///
/// Thread safety: its worker's. Lifetime: whoever mints keeps it until the last exchange that has the id is gone.
class MintedId {
 public:
  MintedId() = default;
  MintedId(MintedId&& other) noexcept : id_(other.id_), ids_(std::exchange(other.ids_, nullptr)) {}
  MintedId& operator=(MintedId&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(ids_, other.ids_);
    return *this;
  }
  ~MintedId() {
    if (ids_ != nullptr) ids_->release(id_);
  }

  /// Lifetime: this object's, where it stands: a move takes it along.
  [[nodiscard]] const CorrelationId& id() const noexcept { return id_; }
  [[nodiscard]] std::string_view text() const noexcept { return id_.text(); }
  // Where an id is asked for; not of a temporary, whose slot is free again before anybody has looked.
  operator const CorrelationId&() const& noexcept { return id_; }  // NOLINT(google-explicit-constructor)
  operator const CorrelationId&() const&& = delete;                // NOLINT(google-explicit-constructor)

 private:
  friend class CorrelationIds;
  MintedId(CorrelationIds& ids, const CorrelationId& id) noexcept : id_(id), ids_(&ids) {}

  CorrelationId id_;
  CorrelationIds* ids_ = nullptr;  // null: of nothing
};

}  // namespace picket::base
