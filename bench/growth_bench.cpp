#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/both_ends.hpp"
#include "bench/rows.hpp"
#include "bench/session_pair.hpp"

/// How the cost of an event grows: with what else is in flight, with headers, with body bytes, with workers.
namespace picket::bench {
namespace {

constexpr std::size_t most_fields = 128;

wire::RequestHeaders request(std::string_view id, std::span<const wire::Header> headers) {
  return {.metadata = {.correlation_id = id,
                       .request_id = "00000000000000000000000000000000",
                       .client_ip = "203.0.113.195",
                       .client_port = 54321,
                       .server_name = "www.example.com",
                       .protocol = "HTTP/1.1",
                       .timestamp = "2026-01-02T03:04:05.678Z"},
          .method = "GET",
          .uri = "/shop/checkout?step=3",
          .headers = headers};
}

/// So many fields, of the size that those of a browser have, each with a name of its own.
std::vector<wire::Header> fields(std::size_t count) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made(most_fields);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = fmt::format("x-forwarded-{}", i);
    return made;
  }();
  std::vector<wire::Header> made;
  for (const auto& name : std::span{names}.first(count))
    made.push_back({name, "https, with a value of forty-two characters"});
  return made;
}

/// Exchanges that are in flight all the time, each with the event that `make(id)` returns. The oldest is answered, and
/// a new one takes its place: so every one of them is touched in turn, as under load.
template <class Make>
class InFlightRing {
 public:
  InFlightRing(wire::Encoding encoding, std::size_t size, Make make) : pair_(encoding), make_(make), all_(size) {
    for (auto& one : all_) begin(one);
  }
  InFlightRing(const InFlightRing&) = delete;

  bool step() {
    One& oldest = all_[next_];
    next_ = next_ + 1 == all_.size() ? 0 : next_ + 1;
    pair_.answer();
    const bool answered = pair_.take_answer();
    pair_.complete(oldest.id);
    oldest.id = {};
    begin(oldest);
    return answered;
  }

 private:
  struct One {
    base::MintedId id;
    std::invoke_result_t<Make, std::string_view> event;
  };
  void begin(One& one) {
    one.id = pair_.ids().mint();
    one.event = make_(one.id.text());
    pair_.ask(one.id, one.event);
  }

  SessionPair pair_;
  Make make_;
  std::vector<One> all_;
  std::size_t next_ = 0;
};

template <class Make>
void ring_row(const std::string& name, wire::Encoding encoding, std::size_t size, Make make) {
  row(name,
      [=] { return [ring = std::make_shared<InFlightRing<Make>>(encoding, size, make)] { return ring->step(); }; });
}

auto heads_of(std::size_t headers) {
  return [list = fields(headers)](std::string_view id) { return request(id, list); };
}

auto chunks_of(std::size_t size) {
  return [body = std::string(size, 'b')](std::string_view id) {
    return wire::RequestBodyChunk{.correlation_id = id, .data = base::as_bytes(body), .is_last = true};
  };
}

auto worker(wire::Encoding encoding) {
  return [ends = std::make_shared<BothEnds>(Between{.encoding = encoding}), list = fields(10)] {
    ends->exchange(request({}, list));
    return true;
  };
}

void declare_encoding(const std::string& name, wire::Encoding encoding) {
  for (const std::size_t size : {1, 10, 100, 1000, 10'000})
    ring_row(fmt::format("growth/in_flight/{}/{}", name, size), encoding, size, heads_of(10));
  for (const std::size_t count : {8, 16, 64, 128})
    ring_row(fmt::format("growth/headers/{}/{}", name, count), encoding, 1, heads_of(count));
  for (const std::size_t kib : {4, 16, 64, 128})
    ring_row(fmt::format("growth/body/{}/{}k", name, kib), encoding, 1, chunks_of(kib * 1024));
  row(fmt::format("growth/worker/{}", name), [encoding] { return worker(encoding); });
  contended_row(
      fmt::format("growth/worker/{}", name), [encoding] { return worker(encoding); },
      [encoding] { return worker(encoding); });
}

const Declared rows{[] {
  declare_encoding("json", wire::Encoding::json);
  declare_encoding("msgpack", wire::Encoding::msgpack);
}};

}  // namespace
}  // namespace picket::bench
