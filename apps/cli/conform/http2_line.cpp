#include "apps/cli/conform/http2_line.hpp"

#include <array>

namespace picket::apps::cli::conform {

base::Status Http2Line::flush(base::TimePoint deadline) {
  constexpr std::size_t most_parts = 64;
  std::array<iovec, most_parts> parts;
  while (connection_.has_output()) {
    const std::size_t count = connection_.gather(parts);
    if (count == 0) break;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view part{static_cast<const char*>(parts[i].iov_base), parts[i].iov_len};
      PICKET_TRY(line_.write(part, deadline));
      connection_.wrote(part.size());
    }
  }
  return {};
}

base::Result<bool> Http2Line::read(base::TimePoint deadline) {
  base::Buffer bytes;
  switch (line_.read(bytes, deadline)) {
    case Line::Got::nothing: return false;
    case Line::Got::end: return base::fail(base::ErrorKind::connection_closed, "it closed the connection");
    case Line::Got::bytes: break;
  }
  const auto fed = connection_.feed(bytes.text(), base::Clock::now());
  PICKET_TRY(flush(deadline));  // its last words, too
  if (!fed) return fed.error();
  return true;
}

std::size_t PendingBytes::gather(std::size_t skip, std::span<iovec> out) const noexcept {
  if (skip >= bytes_.size() || out.empty()) return 0;
  out[0] = {const_cast<char*>(bytes_.data()) + skip, bytes_.size() - skip};
  return 1;
}

}  // namespace picket::apps::cli::conform
