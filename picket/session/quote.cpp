#include "picket/session/quote.hpp"

#include <iterator>

#include <fmt/format.h>

namespace picket::session {

std::string printable(std::string_view text, std::size_t longest) {
  std::string out;
  for (const char c : text.substr(0, longest)) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (text.size() > longest) fmt::format_to(std::back_inserter(out), "... ({} bytes)", text.size());
  return out;
}

std::string quoted(std::string_view text, std::size_t longest) { return "[" + printable(text, longest) + "]"; }

}  // namespace picket::session
