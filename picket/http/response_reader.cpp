#include "picket/http/response_reader.hpp"

#include "picket/http/grammar.hpp"
#include "picket/http/response_head.hpp"

namespace picket::http {
namespace {

constexpr HeadLimits limits{.max_size = 64 * 1024, .max_fields = 1000};
// Each takes memory of the request: an upstream that sends nothing else must not take all there is.
constexpr int max_interim = 16;

base::Error invalid(std::string_view reason) {
  return base::fail(base::ErrorKind::invalid_message, std::string{reason});
}

}  // namespace

std::optional<base::Result<ResponseHead>> ResponseReader::take() {
  while (true) {
    const auto end = find_head_end(buffered_.text(), checked_, limits);
    if (end.error) return invalid(end.error->reason);
    if (!end.size) break;
    const std::string_view head = arena_.copy(buffered_.text().substr(0, *end.size));
    buffered_.consume(*end.size);
    checked_ = 0;
    auto response = read_response_head(head, limits, to_head_, arena_);
    if (!response) return response.error();
    const bool switches = response->status == 101;
    if (switches && !allows_switch_) return invalid("the upstream switched protocols unasked");
    keep_alive_ = keep_alive_ && response->keep_alive;
    if (response->status >= 200 || switches) {
      response->keep_alive = keep_alive_;
      return response;
    }
    if (++interim_ > max_interim) return invalid("the upstream sent more than 16 interim responses");
    if (on_interim_) on_interim_(*response);
  }
  checked_ = buffered_.size();
  return std::nullopt;
}

}  // namespace picket::http
