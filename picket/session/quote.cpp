#include "picket/session/quote.hpp"

#include <iterator>

#include <fmt/format.h>

namespace picket::session {

std::string printable(std::string_view text, std::size_t longest) {
  std::string out;
  for (const char c : text) {
    const std::size_t whole = out.size();
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
    if (out.size() <= longest) continue;
    out.resize(whole);
    fmt::format_to(std::back_inserter(out), "... ({} bytes)", text.size());
    break;
  }
  return out;
}

std::string quoted(std::string_view text, std::size_t longest) { return "[" + printable(text, longest) + "]"; }

}  // namespace picket::session
