#pragma once

#include <cstddef>
#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"

namespace picket::http2 {

/// What stands before each message of a gRPC stream: whether it is compressed (one byte), and its length (four,
/// big-endian).
inline constexpr std::size_t grpc_prefix_size = 5;

/// Of a message of `size` bytes that is not compressed. `out` has room for grpc_prefix_size bytes.
void write_grpc_prefix(char* out, std::size_t size) noexcept;

/// The messages of one direction of a gRPC stream, out of the bodies that bring them, however they are cut.
///
/// A message that is whole in what was fed is a view of it; one that is cut is put together, so that each byte is
/// copied once at most.
///
/// Thread safety: none; one owner. Errors: after one the stream cannot be read on. Memory: as much of the message that
/// is cut as has come, at most limits::max_frame_length.
///
///   http2::GrpcMessages messages;
///   const auto read = messages.feed(bytes, [&](std::string_view message) { return handle(message); });  // a Status
///
/// Lifetime: messages are views, good until the next feed(). Complexity: linear.
class GrpcMessages {
 public:
  /// Calls `take(std::string_view) -> base::Status` for each message. It lives until the next call, as `bytes` does;
  /// behind it are limits::tail_padding readable bytes if they are behind `bytes`. Errors: a compressed message, since
  /// none was agreed; one over the limit; and those of `take`. Kinds: serialization for a compressed one,
  /// message_too_large. `take` must not call it.
  template <class Take>
  [[nodiscard]] base::Status feed(std::string_view bytes, Take&& take) {
    whole_.capacity() > kept_memory ? whole_.release() : whole_.clear();
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
      missing_ = cut_.size() < grpc_prefix_size ? 0 : *whole - cut_.size();
      if (cut_.size() < *whole) continue;
      whole_.swap(cut_);  // at most once in a call: the others lie in `bytes`
      PICKET_TRY(take(whole_.text().substr(grpc_prefix_size)));
    }
    return {};
  }
  /// How many bytes are still to come of a message that is cut, as far as its prefix is there; 0 where none is.
  [[nodiscard]] std::size_t missing() const noexcept { return missing_; }

 private:
  static constexpr std::size_t kept_memory = base::limits::kept_decode_memory;

  /// Of the message at the front with its prefix; of a prefix that is cut, more than is there.
  [[nodiscard]] static base::Result<std::size_t> size_of(std::string_view bytes);
  /// Takes what belongs to the message that is cut: first its prefix, then the rest.
  [[nodiscard]] base::Status collect(std::string_view& bytes);
  void move(std::string_view& bytes, std::size_t most);

  base::Buffer cut_;
  base::Buffer whole_;  // that was cut
  std::size_t missing_ = 0;
};

}  // namespace picket::http2
