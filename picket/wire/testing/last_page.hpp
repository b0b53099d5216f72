#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>

#include <sys/mman.h>

namespace picket::wire::testing {

/// A page that ends in memory nobody may touch, full of quotes: what stands behind a text would need an escape.
class LastPage {
 public:
  LastPage() : pages_(::mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (pages_ == MAP_FAILED || ::mprotect(begin() + size, size, PROT_NONE) != 0) throw std::bad_alloc{};
    std::memset(begin(), '"', size);
  }
  LastPage(const LastPage&) = delete;
  LastPage& operator=(const LastPage&) = delete;
  ~LastPage() { ::munmap(pages_, 2 * size); }

  /// `text`, with `behind` bytes between it and the end.
  std::string_view place(std::string_view text, std::size_t behind) {
    std::memset(begin(), '"', size);
    char* const at = begin() + size - behind - text.size();
    std::ranges::copy(text, at);
    return {at, text.size()};
  }

 private:
  static constexpr std::size_t size = 4096;
  [[nodiscard]] char* begin() const noexcept { return static_cast<char*>(pages_); }
  void* pages_;
};

}  // namespace picket::wire::testing
