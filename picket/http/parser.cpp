// Beast is compiled here and nowhere else.
#include "picket/http/parser.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <boost/beast/http/basic_parser.hpp>

#include "picket/http/list.hpp"

namespace picket::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using View = beast::string_view;

base::Error invalid(std::string detail) { return base::fail(base::ErrorKind::invalid_message, std::move(detail)); }
std::string_view view(View text) noexcept { return {text.data(), text.size()}; }

/// Beast's parser with everything but the head's lines left out: fields go into a flat list as they come.
template <bool is_request>
class HeadParser final : public beast::http::basic_parser<is_request> {
 public:
  HeadParser(std::string_view head, base::Arena& arena) : head_(head), fields_(arena) {
    fields_.reserve(16);
    this->header_limit(1 << 20);  // the caller has its own limit
    this->body_limit(boost::none);
    this->skip(true);
  }

  std::string_view method;
  std::string_view target;
  std::string_view reason;
  int status = 0;
  int version = 0;
  [[nodiscard]] base::Headers headers() const noexcept { return base::Headers{fields_.items()}; }

 private:
  void on_request_impl(beast::http::verb, View method_text, View target_text, int http_version, error_code&) override {
    method = view(method_text);
    target = view(target_text);
    version = http_version;
  }
  void on_response_impl(int code, View reason_text, int http_version, error_code&) override {
    status = code;
    reason = view(reason_text);
    version = http_version;
  }
  void on_field_impl(beast::http::field, View name, View value, error_code& error) override {
    if (is_folded(view(name), view(value))) {
      error = beast::http::error::bad_obs_fold;
    } else {
      fields_.push_back({view(name), view(value)});
    }
  }
  /// Beast joins folded lines in memory of its own, which is gone before anybody reads the value.
  [[nodiscard]] bool is_folded(std::string_view name, std::string_view value) const noexcept {
    if (value.empty()) return false;
    if (value.data() < head_.data() || value.data() >= head_.data() + head_.size()) return true;
    const char* const behind_name = name.data() + name.size();
    return std::find(behind_name, value.data(), '\r') != value.data();
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(View body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

  std::string_view head_;
  base::ArenaList<base::Header> fields_;
};

template <bool is_request>
base::Status parse(HeadParser<is_request>& parser, std::string_view head) {
  error_code error;
  const std::size_t used = parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error) return invalid(fmt::format("the head does not parse: {}", error.message()));
  if (!parser.is_header_done() || used != head.size()) return invalid("the head does not parse: it is incomplete");
  return {};
}

bool keeps_alive(int version, const base::Headers& headers) {
  bool close = false;
  bool keep = false;
  for (const auto& field : headers) {
    if (!base::same_name(field.name, "connection")) continue;
    for (std::string_view rest = field.value; const auto item = next_item(rest);) {
      close = close || base::same_name(*item, "close");
      keep = keep || base::same_name(*item, "keep-alive");
    }
  }
  return !close && (version >= 11 || keep);
}

/// An answer without a body, whatever its fields say (RFC 9112 §6.3), and what they say then means for its connection:
/// a declared body may still come, and would be taken for the next answer.
void drop_body(ResponseHead& response, bool to_head) {
  const bool declares = response.framing == Framing::chunked || response.content_length != 0;
  const bool may_declare = response.status == 304 || (to_head && response.status >= 200 && response.status != 204);
  if (!may_declare && response.framing != Framing::until_close) response.keep_alive = false;  // RFC 9110 §8.6
  // Servers that send a body with 204 or 304 all the same mostly do not declare it.
  response.stray_body_may_follow = response.status == 204 || response.status == 304 ||
                                   (may_declare && (declares || response.framing == Framing::until_close));
  response.framing = Framing::none;
}

/// 205 has no content (RFC 9110 §15.3.6) but nothing in its framing that says so: a recipient that believes the status
/// takes what follows for the next answer. It goes on without.
void empty_reset_content(ResponseHead& response) {
  if (response.framing != Framing::length || response.content_length != 0) response.keep_alive = false;
  response.framing = Framing::length;
  response.content_length = 0;
  response.stray_body_may_follow = true;
}

/// With the space that ends a status line's second part: it is required where no reason follows (RFC 9112 §4), and left
/// out all the same.
std::string_view with_second_space(std::string_view head, base::Arena& arena) {
  constexpr std::size_t size = std::string_view{"HTTP/1.1 200"}.size();
  if (head.size() <= size || head[size] != '\r') return head;
  return arena.copy(fmt::format("{} {}", head.substr(0, size), head.substr(size)));
}

/// Expect is a list, whose items may stand in several fields (RFC 9110 §10.1.1).
bool expects_continue(const base::Headers& headers) {
  for (const auto& field : headers)
    if (base::same_name(field.name, "expect"))
      for (std::string_view rest = field.value; const auto item = next_item(rest);)
        if (base::same_name(*item, "100-continue")) return true;
  return false;
}

template <class Head>
base::Status read_framing(Head& head, Framing otherwise) {
  std::size_t lengths = 0;
  std::size_t encodings = 0;
  for (const auto& field : head.headers) {
    if (base::same_name(field.name, "transfer-encoding")) {
      ++encodings;
      if (!base::same_name(field.value, "chunked")) return invalid("a Transfer-Encoding other than chunked");
    } else if (base::same_name(field.name, "content-length")) {
      ++lengths;
      const char* const last = field.value.data() + field.value.size();
      const auto [end, error] = std::from_chars(field.value.data(), last, head.content_length);
      if (error != std::errc{} || end != last) return invalid("a Content-Length that is not one number");
    }
  }
  if (lengths > 1 || encodings > 1 || (lengths != 0 && encodings != 0))
    return invalid("more than one way to delimit the body");
  if (encodings != 0 && head.version < 11) return invalid("Transfer-Encoding on HTTP/1.0");
  head.framing = encodings != 0 ? Framing::chunked : lengths != 0 ? Framing::length : otherwise;
  return {};
}

}  // namespace

base::Result<RequestHead> parse_request_head(std::string_view head, base::Arena& arena) {
  HeadParser<true> parser{head, arena};
  PICKET_TRY(parse(parser, head));
  RequestHead request{
      .method = parser.method, .target = parser.target, .version = parser.version, .headers = parser.headers()};
  PICKET_TRY(read_framing(request, Framing::none));
  request.keep_alive = keeps_alive(request.version, request.headers);
  request.expects_continue = request.version >= 11 && expects_continue(request.headers);
  return request;
}

base::Result<ResponseHead> parse_response_head(std::string_view head, bool to_head, base::Arena& arena) {
  head = with_second_space(head, arena);
  HeadParser<false> parser{head, arena};
  PICKET_TRY(parse(parser, head));
  if (parser.version / 10 != 1) return invalid("the version is neither HTTP/1.0 nor HTTP/1.1");
  if (parser.status < 100) return invalid("a status below 100");
  ResponseHead response{.status = static_cast<std::uint16_t>(parser.status),
                        .reason = parser.reason,
                        .version = parser.version,
                        .headers = parser.headers()};
  PICKET_TRY(read_framing(response, Framing::until_close));
  response.keep_alive = keeps_alive(response.version, response.headers);
  if (to_head || response.status < 200 || response.status == 204 || response.status == 304) {
    drop_body(response, to_head);
  } else if (response.status == 205) {
    empty_reset_content(response);
  } else if (response.framing == Framing::until_close) {
    response.keep_alive = false;
  }
  return response;
}

}  // namespace picket::http
