#include <string>

#include "fuzz/check.hpp"
#include "picket/http/forwarded.hpp"

using namespace picket;

/// Whatever a client has written in front, what a proxy appends is the last element or the field is malformed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Arena arena;
  const std::string_view of_client = fuzz::text_of(data, size);
  for (const std::string_view appended : {"for=192.0.2.1;proto=https", "for=\"192.0.2.1\";proto=\"https\""}) {
    const std::string value = std::string{of_client} + ", " + std::string{appended};
    const auto elements = http::read_forwarded(value, arena);
    if (!elements) continue;
    fuzz::require(elements->size() >= 2, "the client's element and the proxy's");
    const http::ForwardedElement& last = elements->items().back();
    fuzz::require(last.node == "192.0.2.1" && last.proto == "https" && last.host.empty(), "the proxy's is the last");
  }
  return 0;
}
