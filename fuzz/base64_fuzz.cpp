#include <memory>
#include <string>

#include "fuzz/check.hpp"
#include "picket/wire/internal/base64.hpp"

using namespace picket;

namespace {

std::string encoded(base::ByteView data) {
  std::string text(wire::internal::base64_size(data.size()), '\0');
  wire::internal::encode_base64(data, text.data());
  std::string otherwise(text.size(), '\0');
  wire::internal::encode_base64_portable(data, otherwise.data());
  fuzz::require(text == otherwise, "both write the same");
  return text;
}

/// Bytes that a text stands for, where it stands for any.
struct Decoded {
  explicit Decoded(std::size_t characters)
      : room(std::make_unique<unsigned char[]>(wire::internal::decoded_base64_bound(characters) +
                                               wire::internal::base64_slack)) {}
  [[nodiscard]] base::ByteView bytes() const { return {reinterpret_cast<const std::byte*>(room.get()), size}; }
  std::unique_ptr<unsigned char[]> room;
  std::size_t size = 0;
};

}  // namespace

/// Bytes, and a text: both ways to read it agree, what it stands for is written as it and as nothing else, and bytes
/// are read as they were written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  Decoded read{size};
  Decoded otherwise{size};
  const bool is_read = wire::internal::decode_base64(text, read.room.get(), read.size);
  const bool is_read_otherwise = wire::internal::decode_base64_portable(text, otherwise.room.get(), otherwise.size);
  fuzz::require(is_read == is_read_otherwise, "both read it, or neither");
  if (is_read) {
    fuzz::require(base::as_text(read.bytes()) == base::as_text(otherwise.bytes()), "both read the same");
    fuzz::require(encoded(read.bytes()) == text, "two texts stand for the same bytes");
  }
  const std::string written = encoded(base::as_bytes(text));
  Decoded again{written.size()};
  fuzz::require(wire::internal::decode_base64(written, again.room.get(), again.size), "what is written is read");
  fuzz::require(base::as_text(again.bytes()) == text, "what is written is read as it was");
  return 0;
}
