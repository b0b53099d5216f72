#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "picket/base/headers.hpp"

namespace picket::wire::internal {

/// Which header fields repeat the name of an earlier one, and where the values of one name stand: a hash table leads
/// from a name to the last field that has it. Complexity: one look-up per field; quadratic for names made to collide,
/// which is why proxies bound the number of fields. Allocates for more than 128 fields only.
class RepeatedNames {
 public:
  explicit RepeatedNames(const base::Headers& headers) {
    if (headers.size() <= 8) {
      link_few<8>(headers);
    } else if (headers.size() <= 64) {
      link_few<64>(headers);
    } else if (headers.size() <= few) {
      link_few<few>(headers);
    } else {
      many_.resize(headers.size());
      std::vector<std::uint32_t> last(std::bit_ceil(2 * headers.size()));
      link<std::uint32_t>(headers.fields(), last, many_);
    }
  }
  /// How many fields repeat an earlier one.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool repeats(std::size_t i) const noexcept {
    return many_.empty() ? (links_[i] & repetition<std::uint8_t>) != 0 : (many_[i] & repetition<std::uint32_t>) != 0;
  }
  /// The next field with the name of field `i`, behind it; 0 where there is none.
  [[nodiscard]] std::size_t next(std::size_t i) const noexcept {
    return many_.empty() ? links_[i] & ~repetition<std::uint8_t> : many_[i] & ~repetition<std::uint32_t>;
  }
  /// Some fields from `i` on, before `end`, that have a name which no other has; 0 where field `i` has not.
  [[nodiscard]] std::size_t unique_from(std::size_t i, std::size_t end) const noexcept {
    if (count_ == 0) return end - i;
    if (!many_.empty()) return many_[i] == 0 ? 1 : 0;
    const std::uint64_t shared = shared_[i / 64] >> (i % 64);
    const std::size_t unique = shared != 0 ? static_cast<std::size_t>(std::countr_zero(shared)) : 64 - i % 64;
    return std::min(unique, end - i);
  }

 private:
  static constexpr std::size_t few = 128;
  /// The bit of a link that says: this field repeats an earlier one. The others are the next field.
  template <class Index>
  static constexpr Index repetition = Index{1} << (std::numeric_limits<Index>::digits - 1);

  /// Of the length and the last four letters, whatever their case. The factor is one that also spreads names that end
  /// with a count.
  static std::uint32_t hash_of(std::string_view name) noexcept {
    std::uint32_t letters = 0;
    if (name.size() >= sizeof letters) [[likely]] {
      std::memcpy(&letters, name.data() + name.size() - sizeof letters, sizeof letters);
    } else {
      for (const char letter : name) letters = letters << 8 | static_cast<std::uint8_t>(letter);
    }
    return ((letters | 0x20202020) + static_cast<std::uint32_t>(name.size())) * 0x2C1B3C6DU;
  }
  /// A table of four times the fields: hardly two names share a place, and it is cleared in no time where they are few.
  template <std::size_t most>
  void link_few(const base::Headers& headers) {
    std::array<std::uint8_t, 4 * most> last{};
    link<std::uint8_t>(headers.fields(), last, links_);
  }
  /// `last`: room for twice the fields at least, a power of two, all 0; holds the number of a field, from 1.
  template <class Index>
  [[gnu::always_inline]] void link(std::span<const base::Header> fields, std::span<Index> last,
                                   std::span<Index> links) {
    const int shift = 32 - std::countr_zero(last.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::string_view name = fields[i].name;
      links[i] = 0;
      std::size_t slot = hash_of(name) >> shift;
      for (; last[slot] != 0; slot = (slot + 1) % last.size()) [[unlikely]] {
        const std::size_t other = last[slot] - 1U;
        if (!base::same_name(fields[other].name, name)) continue;
        links[other] = static_cast<Index>(links[other] | i);
        links[i] = repetition<Index>;
        if constexpr (std::is_same_v<Index, std::uint8_t>) {
          share(other);
          share(i);
        }
        ++count;
        break;
      }
      last[slot] = static_cast<Index>(i + 1);
    }
    count_ = count;
  }
  [[gnu::noinline]] void share(std::size_t i) noexcept { shared_[i / 64] |= std::uint64_t{1} << (i % 64); }

  std::size_t count_ = 0;
  std::array<std::uint64_t, few / 64> shared_{};  // a bit per field of links_: its name is another's, too
  std::array<std::uint8_t, few> links_;
  std::vector<std::uint32_t> many_;  // the links where links_ is too short
};

}  // namespace picket::wire::internal
