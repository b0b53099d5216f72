#include "picket/transport/tls/tickets.hpp"

#include <bit>
#include <cstring>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace picket::transport::tls {

/// The one before the first is a key, too: one that sealed nothing.
TicketKeys::TicketKeys() {
  for (std::size_t slot = 0; slot < slots; ++slot) fill(slot);
}

void TicketKeys::rotate() {
  const std::size_t next = (latest_.load(std::memory_order_relaxed) + 1) % slots;
  fill(next);
  latest_.store(next, std::memory_order_release);
}

std::optional<TicketKey> TicketKeys::find(std::string_view name) const noexcept {
  const std::size_t latest = latest_.load(std::memory_order_acquire);
  for (const std::size_t slot : {latest, (latest + slots - 1) % slots}) {
    const TicketKey key = read(slot);
    if (name.size() == key.name.size() && std::memcmp(name.data(), key.name.data(), name.size()) == 0) return key;
  }
  return std::nullopt;
}

TicketKeys::Handed TicketKeys::hand() const noexcept {
  const std::size_t latest = latest_.load(std::memory_order_acquire);
  return {read(latest), read((latest + slots - 1) % slots)};
}

void TicketKeys::take(const Handed& handed) noexcept {
  write(1, handed[0]);
  write(0, handed[1]);
  latest_.store(1, std::memory_order_release);
}

TicketKey TicketKeys::read(std::size_t slot) const noexcept {
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = keys_[slot][i].load(std::memory_order_relaxed);
  return std::bit_cast<TicketKey>(words);
}

void TicketKeys::fill(std::size_t slot) {
  Words words;
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(words.data()), sizeof words) != 1)
    throw std::runtime_error{"the system gives no random bytes for the keys of session tickets"};
  write(slot, std::bit_cast<TicketKey>(words));
  OPENSSL_cleanse(words.data(), sizeof words);
}

void TicketKeys::write(std::size_t slot, const TicketKey& key) noexcept {
  const auto words = std::bit_cast<Words>(key);
  for (std::size_t i = 0; i < words.size(); ++i) keys_[slot][i].store(words[i], std::memory_order_relaxed);
}

}  // namespace picket::transport::tls
