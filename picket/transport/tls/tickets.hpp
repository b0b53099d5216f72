#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace picket::transport::tls {

/// How long a ticket may be used, and how often its keys should change.
inline constexpr std::uint32_t ticket_lifetime_seconds = 2 * 60 * 60;

/// One generation of keys that seal tickets (RFC 5077 §4). A value.
struct TicketKey {
  static constexpr std::size_t name_size = 16;
  static constexpr std::size_t secret_size = 32;

  std::array<unsigned char, name_size> name;  ///< Stands in the ticket, in clear.
  std::array<unsigned char, secret_size> cipher;
  std::array<unsigned char, secret_size> mac;
};

/// The keys that seal session tickets, of all listeners of a process: whichever worker a client comes back to, and
/// whatever configuration is in use by then, can open its ticket. What a ticket is good for is not decided here: it has
/// the settings that it was made for in it (ServerContext).
///
/// The latest key seals; it and the one before open. Thread safety: one thread rotates; any thread reads, without a
/// lock: rotating writes over a key that nobody has used for one whole period. Errors: making and rotating throw
/// std::runtime_error where the system gives no random bytes. Complexity: O(1). Whoever has a key reads the connections
/// that its tickets resume, until it is forgotten: rotate, and hand them only to a process that serves in this one's
/// place.
class TicketKeys {
 public:
  TicketKeys();

  /// Begins to seal with a new key. The one before the last is forgotten. By one thread, at most once in a ticket's
  /// lifetime.
  void rotate();

  /// The key that seals and the one before it, for another process that serves the same clients.
  using Handed = std::array<TicketKey, 2>;
  [[nodiscard]] Handed hand() const noexcept;
  /// Seals with those from now on, in place of its own. Called before anything was sealed.
  void take(const Handed& handed) noexcept;

  [[nodiscard]] TicketKey latest() const noexcept { return read(latest_.load(std::memory_order_acquire)); }
  /// Nothing where it is none of ours, or too old.
  [[nodiscard]] std::optional<TicketKey> find(std::string_view name) const noexcept;

 private:
  // Three: the latest, the one before, and the one that the next takes the place of.
  static constexpr std::size_t slots = 3;
  using Words = std::array<std::uint64_t, sizeof(TicketKey) / sizeof(std::uint64_t)>;
  static_assert(sizeof(Words) == sizeof(TicketKey));
  /// In words that may be read while they are written: what is read then opens nothing.
  using Slot = std::array<std::atomic<std::uint64_t>, std::tuple_size_v<Words>>;

  [[nodiscard]] TicketKey read(std::size_t slot) const noexcept;
  void fill(std::size_t slot);
  void write(std::size_t slot, const TicketKey& key) noexcept;

  std::array<Slot, slots> keys_{};
  std::atomic<std::size_t> latest_ = 0;
};

}  // namespace picket::transport::tls
