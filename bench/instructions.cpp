#include <cstdio>
#include <exception>
#include <string>

#include <fmt/format.h>
#include <valgrind/callgrind.h>

#include "bench/both_ends.hpp"
#include "bench/payloads.hpp"
#include "bench/session_pair.hpp"

/// What tools/budgets counts instructions of: under callgrind, each operation is done REPEATS times in each of some
/// rounds, which ends with a dump named after it. Run by itself it does the same and counts nothing.
namespace picket::bench {
namespace {

constexpr int rounds = 5;  // the least counts: on a busy machine timers become due in some
constexpr int repeats = 20;
constexpr int warm_up = 50;

template <class T>
void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// Collects instructions while it lives.
class Collecting {
 public:
  Collecting() { CALLGRIND_TOGGLE_COLLECT; }
  Collecting(const Collecting&) = delete;
  Collecting& operator=(const Collecting&) = delete;
  ~Collecting() { CALLGRIND_TOGGLE_COLLECT; }
};

/// `once()` collects what it wants counted.
template <class Once>
void operation_of_parts(const std::string& name, Once once) {
  for (int i = 0; i < warm_up; ++i) once();
  for (int round = 0; round < rounds; ++round) {
    CALLGRIND_ZERO_STATS;
    for (int i = 0; i < repeats; ++i) once();
    CALLGRIND_DUMP_STATS_AT(name.c_str());
  }
}

template <class Work>
void operation(const std::string& name, Work work) {
  operation_of_parts(name, [&] {
    const Collecting collecting;
    keep(work());
  });
}

template <class Message>
void encode(const std::string& name, const wire::Format& format, const Message& message) {
  operation("encode/" + name, [&, out = wire::Output{transport::stream_framing}]() mutable {
    (void)wire::encode(format, message, out);
    const std::size_t size = out.size();
    out.consume(size);
    return size;
  });
}

template <class Message>
void decode(const std::string& name, const wire::Format& format, const Message& message) {
  const std::string_view payload = payloads().keep(payload_of(format, message));
  operation("decode/" + name, [&, arena = base::Arena{16384}]() mutable {
    arena.reset();
    return decodes<Message>(format, payload, arena);
  });
}

template <class Message>
void encode_and_decode(const std::string& name, const wire::Format& format, const Message& message) {
  encode(name, format, message);
  decode(name, format, message);
}

/// One answer from the bytes to whoever asked: frame, decoding, the event found by its id.
void dispatch(const std::string& name, wire::Encoding encoding) {
  SessionPair pair{encoding};
  wire::RequestHeaders head = payloads().request("small");
  operation_of_parts("dispatch/" + name, [&] {
    const base::MintedId id = pair.ids().mint();
    pair.ask(id, head);
    pair.answer();
    bool answered = false;
    {
      const Collecting collecting;
      answered = pair.take_answer();
    }
    if (!answered) throw std::runtime_error{"no answer came"};
    pair.complete(id);
  });
}

/// One exchange of one event: pool, both sessions, both links, the agent's handler. What the kernel does is not
/// counted.
void full_path(const std::string& name, wire::Encoding encoding) {
  BothEnds ends{{.encoding = encoding}};
  for (const char* const size : {"small", "large"}) {
    const wire::RequestHeaders head = payloads().request(size);
    operation(fmt::format("full_path/{}/{}", name, size), [&] {
      ends.exchange(head);
      return true;
    });
  }
}

void all() {
  // MessagePack as Picket's two ends speak it, JSON as everybody does.
  const wire::Format json{};
  const wire::Format msgpack{.encoding = wire::Encoding::msgpack, .raw_bytes = true, .event_reply = true};
  const wire::Format protobuf{.encoding = wire::Encoding::protobuf, .event_reply = true};
  for (const auto& [name, format] :
       {std::pair{"json", json}, std::pair{"msgpack", msgpack}, std::pair{"protobuf", protobuf}}) {
    for (const char* const size : {"small", "large"})
      encode_and_decode(fmt::format("headers/{}/{}", name, size), format, payloads().request(size));
    for (const char* const size : {"1k", "64k"})
      encode_and_decode(fmt::format("body/{}/{}", name, size), format, payloads().chunk(size));
    wire::AgentResponse allow = payloads().allow();
    if (format.event_reply) allow.reply_to = wire::ReplyTo{};
    encode_and_decode(fmt::format("allow/{}", name), format, allow);
    if (format.encoding != wire::Encoding::protobuf) dispatch(name, format.encoding);
    full_path(name, format.encoding);
  }
}

}  // namespace
}  // namespace picket::bench

int main() {
  try {
    picket::bench::all();
  } catch (const std::exception& error) {
    fmt::print(stderr, "picket_instructions: {}\n", error.what());
    return 1;
  }
  return 0;
}
