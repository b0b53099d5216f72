#include "apps/gateway/websocket/mask_source.hpp"

#include <cerrno>
#include <system_error>

#include <sys/random.h>

namespace picket::apps::gateway::websocket {

void fill_with_random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t size = ::getrandom(out.data(), out.size(), 0);
    if (size < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
    if (size > 0) out = out.subspan(static_cast<std::size_t>(size));
  }
}

picket::websocket::MaskKey MaskSource::next() {
  if (used_ == keys_.size()) {
    fill_with_random_bytes({keys_.front().data(), sizeof keys_});
    used_ = 0;
  }
  return keys_[used_++];
}

}  // namespace picket::apps::gateway::websocket
