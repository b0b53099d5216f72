#include "apps/gateway/logs/line_queue.hpp"

#include <algorithm>
#include <cstring>

namespace picket::apps::gateway::logs {

void LineQueue::put(std::size_t at, std::string_view text) noexcept {
  at %= capacity_;
  const std::size_t first = std::min(text.size(), capacity_ - at);
  std::memcpy(ring_.get() + at, text.data(), first);
  std::memcpy(ring_.get(), text.data() + first, text.size() - first);
}

bool LineQueue::push(std::string_view line) noexcept {
  const std::size_t at = written_.load(std::memory_order_relaxed);
  const std::size_t used = at - read_.load(std::memory_order_acquire);
  if (line.size() + 1 > capacity_ - used) {
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return false;
  }
  put(at, line);
  put(at + line.size(), "\n");
  written_.store(at + line.size() + 1, std::memory_order_release);
  return true;
}

bool LineQueue::drain(std::string& out) {
  const std::size_t from = read_.load(std::memory_order_relaxed);
  const std::size_t until = written_.load(std::memory_order_acquire);
  if (from == until) return false;
  const std::size_t size = until - from;
  const std::size_t at = from % capacity_;
  const std::size_t first = std::min(size, capacity_ - at);
  out.append(ring_.get() + at, first);
  out.append(ring_.get(), size - first);
  read_.store(until, std::memory_order_release);
  return true;
}

}  // namespace picket::apps::gateway::logs
