#include <algorithm>
#include <string>

#include "fuzz/check.hpp"
#include "picket/body/unpack_stage.hpp"

using namespace picket;

namespace {

struct Unpacked {
  std::string text;
  bool has_end = false;
  body::Stop stop = body::Stop::none;
};

Unpacked unpack(body::Coding coding, std::string_view packed, std::size_t fed, std::size_t taken) {
  base::BlockPool pool;
  pool.set_budget(1 << 30);
  body::UnpackStage stage{coding, pool, {.ratio = 20}};
  Unpacked unpacked;
  do {
    const std::size_t size = std::min({fed, packed.size(), stage.credit()});
    stage.feed({base::SharedBytes::borrowed(base::as_bytes(packed.substr(0, size))), size == packed.size()});
    packed.remove_prefix(size);
    for (auto part = stage.take(taken); !part.is_nothing(); part = stage.take(taken)) {
      unpacked.text += base::as_text(part.bytes.view());
      unpacked.has_end = part.is_last;
    }
  } while (!packed.empty() && stage.stopped() == body::Stop::none);
  unpacked.stop = stage.stopped();
  return unpacked;
}

}  // namespace

/// A coding, how the rest is cut, and a body. However it is cut it is unpacked to the same, or stops for the same; no
/// more comes out than may.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto coding = static_cast<body::Coding>(data[0] % 3);
  const std::string_view packed = fuzz::text_of(data + 3, size - 3);
  const Unpacked whole = unpack(coding, packed, packed.size() + 1, base::block_size);
  const Unpacked cut = unpack(coding, packed, data[1] + 1U, data[2] + 1U);
  fuzz::require(whole.has_end == (whole.stop == body::Stop::none), "an end, or a stop");
  fuzz::require(whole.text.size() <= packed.size() * 20 + 2 * base::block_size, "no more than may come out");
  if (whole.stop == body::Stop::too_large || cut.stop == body::Stop::too_large) return 0;  // at another place
  fuzz::require(whole.stop == cut.stop && whole.has_end == cut.has_end, "the same end");
  if (whole.has_end) fuzz::require(whole.text == cut.text, "the same text");
  return 0;
}
