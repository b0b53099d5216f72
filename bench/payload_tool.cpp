// Picket's half of the comparison that precedes every timed run (bench/payloads.py).
//
//   picket_bench_payloads write DIR   every payload as Picket encodes it, as files NAME.json, NAME.msgpack,
//   NAME.protobuf picket_bench_payloads read DIR    what Picket decodes from DIR, one JSON object; bodies as base64
//   text

#include <cstdio>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "bench/payloads.hpp"

namespace picket::bench {
namespace {

namespace fs = std::filesystem;
using wire::Encoding;

struct Named {
  std::string_view name;
  wire::Format format;
};
// What peers of the reference get: bodies as base64 in both encodings, no extension.
constexpr std::array<Named, 2> encodings{{{"json", {}}, {"msgpack", {.encoding = Encoding::msgpack}}}};

constexpr wire::Format protobuf{.encoding = Encoding::protobuf, .event_reply = true};

const wire::Format& format_of(const fs::path& file) {
  if (file.extension() == ".protobuf") return protobuf;
  return encodings[file.extension() == ".json" ? 0 : 1].format;
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream file{path, std::ios::binary};
  file << bytes;
  if (!file.flush()) throw std::runtime_error{fmt::format("cannot write '{}'", path.string())};
}

template <class Message>
std::string bare(Encoding encoding, const Message& message) {
  wire::Output out;
  encode_payload(encoding, message, out);
  return out.flatten();
}

void write_all(const fs::path& into) {
  Payloads& all = payloads();
  const auto write = [&](std::string_view stem, std::string_view encoding, const std::string& bytes) {
    write_file(into / fmt::format("{}.{}", stem, encoding), bytes);
  };
  for (const auto& [name, format] : encodings) {
    for (const std::string_view size : {"small", "large"}) {
      write(fmt::format("lookalike_{}", size), name, bare(format.encoding, all.look_alike(size)));
      write(fmt::format("request_{}", size), name, payload_of(format, all.request(size)));
    }
    write("request_wire", name, payload_of(format, all.request("wire")));
    write("allow", name, payload_of(format, all.allow()));
    write("chunk_64k", name, payload_of(format, all.chunk("64k")));
  }
  for (const std::string_view size : {"small", "large", "wire"})
    write(fmt::format("request_{}", size), "protobuf", payload_of(protobuf, all.request(size)));
  for (const std::string_view size : {"1k", "4k", "16k", "64k"}) {
    write(fmt::format("body_{}", size), "json", bare(Encoding::json, all.text_chunk(size)));
    write(fmt::format("body_{}", size), "msgpack", bare(Encoding::msgpack, all.binary_chunk(size)));
  }
}

template <class Message>
std::string real_to_json(const wire::Format& format, std::string_view bytes) {
  base::Arena arena;
  if (format.encoding == Encoding::protobuf) {
    const auto opened = wire::open_envelope(wire::Envelope::proxy_to_agent, bytes);
    if (!opened) throw std::runtime_error{opened.error().message()};
    bytes = opened->payload;
  }
  auto message = wire::decode<Message>(format, bytes, arena);
  if (!message) throw std::runtime_error{message.error().message()};
  return wire::to_json(*message);
}

template <class Message>
std::string bare_to_json(Encoding encoding, std::string_view bytes) {
  base::Arena arena;
  return bare(Encoding::json, decode_payload<Message>(encoding, bytes, arena));
}

std::string decode_to_json(const fs::path& file, std::string_view bytes) {
  const std::string stem = file.stem().string();
  const wire::Format& format = format_of(file);
  if (stem.starts_with("lookalike")) return bare_to_json<LookAlike>(format.encoding, bytes);
  if (stem.starts_with("body")) return bare_to_json<BinaryChunk>(format.encoding, bytes);
  if (stem.starts_with("request")) return real_to_json<wire::RequestHeaders>(format, bytes);
  if (stem.starts_with("allow")) return real_to_json<wire::AgentResponse>(format, bytes);
  if (stem.starts_with("chunk")) return real_to_json<wire::RequestBodyChunk>(format, bytes);
  throw std::runtime_error{fmt::format("no payload is called '{}'", stem)};
}

void read_all(const fs::path& from) {
  Payloads others{{}, from};
  std::string members;
  for (const auto& entry : fs::directory_iterator{from}) {
    const std::string name = entry.path().filename().string();
    members += fmt::format("{}\"{}\":{}", members.empty() ? "" : ",", name,
                           decode_to_json(entry.path(), *others.encoded(name)));
  }
  fmt::print("{{{}}}\n", members);
}

}  // namespace
}  // namespace picket::bench

int main(int argc, char** argv) try {
  const std::string_view command = argc == 3 ? argv[1] : "";
  if (command == "write") {
    picket::bench::write_all(argv[2]);
  } else if (command == "read") {
    picket::bench::read_all(argv[2]);
  } else {
    fmt::print(stderr, "usage: picket_bench_payloads write|read DIR\n");
    return 2;
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "picket_bench_payloads: {}\n", error.what());
  return 1;
}
