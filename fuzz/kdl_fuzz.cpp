#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "picket/kdl/parser.hpp"
#include "picket/kdl/writer.hpp"

namespace kdl = picket::kdl;

/// Any text is parsed without harm, and its errors lie within it. What is accepted is written in a form that is
/// accepted, and that is written as itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const kdl::Parsed first = kdl::parse(text);
  for (const kdl::Error& error : first.errors) {
    if (error.at.begin > error.at.end || error.at.end > size || error.message.empty()) std::abort();
  }
  if (first.errors.size() > kdl::max_errors) std::abort();
  if (!first.errors.empty()) return 0;
  const std::string written = kdl::write(first.nodes);
  const kdl::Parsed second = kdl::parse(written);
  if (!second.errors.empty() || kdl::write(second.nodes) != written) std::abort();
  return 0;
}
