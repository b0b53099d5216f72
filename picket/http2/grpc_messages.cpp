#include "picket/http2/grpc_messages.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace picket::http2 {

void write_grpc_prefix(char* out, std::size_t size) noexcept {
  out[0] = 0;
  for (int i = 0; i < 4; ++i) out[1 + i] = static_cast<char>(size >> (8 * (3 - i)));
}

base::Result<std::size_t> GrpcMessages::size_of(std::string_view bytes) {
  if (bytes.size() < grpc_prefix_size) return grpc_prefix_size + 1;
  if (bytes[0] != 0) return base::fail(base::ErrorKind::serialization, "a compressed gRPC message; none was agreed");
  std::size_t size = 0;
  for (std::size_t i = 1; i < grpc_prefix_size; ++i) size = size << 8 | static_cast<std::uint8_t>(bytes[i]);
  if (size > base::limits::max_frame_length)
    return base::fail(
        base::ErrorKind::message_too_large,
        fmt::format("a gRPC message of {} bytes; at most {} are allowed", size, base::limits::max_frame_length));
  return grpc_prefix_size + size;
}

base::Status GrpcMessages::collect(std::string_view& bytes) {
  if (cut_.size() < grpc_prefix_size) move(bytes, grpc_prefix_size - cut_.size());
  const auto whole = size_of(cut_.text());
  if (!whole) return whole.error();
  if (cut_.size() >= grpc_prefix_size) move(bytes, *whole - cut_.size());
  return {};
}

void GrpcMessages::move(std::string_view& bytes, std::size_t most) {
  const std::size_t size = std::min(bytes.size(), most);
  cut_.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
}

}  // namespace picket::http2
