#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "picket/base/buffer.hpp"
#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"

namespace picket::http2 {

/// What stands before each message of a gRPC stream: whether it is compressed (one byte), and its length (four,
/// big-endian).
inline constexpr std::size_t grpc_prefix_size = 5;

inline void write_grpc_prefix(char* out, std::size_t size) noexcept {
  out[0] = 0;
  for (int i = 0; i < 4; ++i) out[1 + i] = static_cast<char>(size >> (8 * (3 - i)));
}

/// The messages of one direction of a gRPC stream, out of the bodies that bring them, however they are cut.
///
/// A message that is whole in what was fed is a view of it; one that is cut is put together. Thread safety: none; one
/// owner. Memory: as much of the message that is cut as has come, at most limits::max_frame_length.
class GrpcMessages {
 public:
  /// Calls `take(std::string_view) -> base::Status` for each message. It ends with the call; behind it are
  /// limits::tail_padding readable bytes if they are behind `bytes`. Errors: a compressed message, since none was
  /// agreed; one over the limit; and those of `take`.
  template <class Take>
  [[nodiscard]] base::Status feed(std::string_view bytes, Take&& take) {
    while (!bytes.empty()) {
      if (cut_.empty()) {
        const auto whole = size_of(bytes);
        if (!whole) return whole.error();
        if (bytes.size() >= *whole) {
          PICKET_TRY(take(bytes.substr(grpc_prefix_size, *whole - grpc_prefix_size)));
          bytes.remove_prefix(*whole);
          continue;
        }
      }
      PICKET_TRY(collect(bytes));
      const auto whole = size_of(cut_.text());
      if (!whole) return whole.error();
      if (cut_.size() < *whole) continue;
      PICKET_TRY(take(cut_.text().substr(grpc_prefix_size)));
      cut_.size() > kept_memory ? cut_.release() : cut_.clear();
    }
    return {};
  }
  /// Whether a message has begun and is not whole.
  [[nodiscard]] bool is_cut() const noexcept { return !cut_.empty(); }

 private:
  static constexpr std::size_t kept_memory = base::limits::kept_decode_memory;

  /// Of the message at the front with its prefix; of a prefix that is cut, the prefix's own.
  [[nodiscard]] static base::Result<std::size_t> size_of(std::string_view bytes) {
    if (bytes.size() < grpc_prefix_size) return grpc_prefix_size + 1;
    if (bytes[0] != 0)
      return base::fail(base::ErrorKind::invalid_message, "a compressed gRPC message; none was agreed");
    std::size_t size = 0;
    for (std::size_t i = 1; i < grpc_prefix_size; ++i) size = size << 8 | static_cast<std::uint8_t>(bytes[i]);
    if (size > base::limits::max_frame_length)
      return base::fail(
          base::ErrorKind::message_too_large,
          fmt::format("a gRPC message of {} bytes; at most {} are allowed", size, base::limits::max_frame_length));
    return grpc_prefix_size + size;
  }

  /// Takes what belongs to the message that is cut: first its prefix, then the rest.
  [[nodiscard]] base::Status collect(std::string_view& bytes) {
    if (cut_.size() < grpc_prefix_size) move(bytes, grpc_prefix_size - cut_.size());
    const auto whole = size_of(cut_.text());
    if (!whole) return whole.error();
    if (cut_.size() >= grpc_prefix_size) move(bytes, *whole - cut_.size());
    return {};
  }
  void move(std::string_view& bytes, std::size_t most) {
    const std::size_t size = std::min(bytes.size(), most);
    cut_.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }

  base::Buffer cut_;
};

}  // namespace picket::http2
