#include <algorithm>

#include "fuzz/check.hpp"
#include "picket/http/proxy_header.hpp"

using namespace picket;
using Outcome = http::ProxyHeader::Outcome;

/// A header is malformed, or read to the same end and client however its bytes come; it never wants a byte behind it,
/// and never more than may be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const http::ProxyHeader whole = http::read_proxy_header(bytes);
  std::size_t wanted = 0;
  for (std::size_t came = 0; came <= bytes.size(); ++came) {
    const http::ProxyHeader header = http::read_proxy_header(bytes.substr(0, came));
    if (header.outcome == Outcome::malformed) {
      fuzz::require(whole.outcome == Outcome::malformed, "what is malformed stays so");
      break;
    }
    if (header.outcome == Outcome::read) {
      fuzz::require(whole.outcome == Outcome::read && whole.size == header.size && header.size <= came, "one end");
      fuzz::require(whole.source == header.source && whole.port == header.port, "one client");
      fuzz::require(wanted <= header.size, "nothing behind it was wanted");
      break;
    }
    fuzz::require(header.size > came && header.size <= http::longest_proxy_header, "some more is wanted, not too much");
    wanted = std::max(wanted, header.size);
  }
  return 0;
}
