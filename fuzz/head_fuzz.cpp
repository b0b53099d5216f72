#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "picket/base/buffer.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/request_head.hpp"
#include "picket/http/response_head.hpp"

namespace base = picket::base;
namespace http = picket::http;
using picket::fuzz::require;

namespace {

void write(base::Buffer& out, const base::Headers& headers) {
  for (const auto& field : headers) http::write_field(out, field.name, field.value);
  out.append("\r\n");
}

/// A request that is read ends where its end is found, and is read to the same once it is written again.
void check_request(std::string_view text, base::Arena& arena) {
  const auto [head, error] = http::read_request_head(text, {}, arena);
  if (error) return;
  require(http::find_head_end(text, 0, {}).size == text.size(), "a head that is read ends where its end is found");
  base::Buffer out;
  out.append(std::string{head.method} + ' ' + std::string{head.target} +
             (head.version == 11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n"));
  write(out, head.headers);
  const auto again = http::read_request_head(out.text(), {}, arena);
  require(!again.error, "a request that was read can be written and read again");
  require(std::ranges::equal(again.head.headers, head.headers) && again.head.framing == head.framing &&
              again.head.keep_alive == head.keep_alive,
          "a request is read to the same once it is written again");
}

void check_response(std::string_view text, base::Arena& arena) {
  const auto head = http::read_response_head(text, {.max_size = 65'536, .max_fields = 1000}, false, arena);
  if (!head) return;
  base::Buffer out;
  http::write_status_line(out, head->status, head->reason);
  write(out, head->headers);
  const auto again = http::read_response_head(out.text(), {.max_size = 65'536, .max_fields = 1000}, false, arena);
  require(again.has_value(), "a response that was read can be written and read again");
  require(std::ranges::equal(again->headers, head->headers), "a response's fields are the same once written again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = picket::fuzz::text_of(data, size);
  base::Arena arena;
  check_request(text, arena);
  check_response(text, arena);
  return 0;
}
