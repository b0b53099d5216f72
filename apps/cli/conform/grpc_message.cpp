#include "apps/cli/conform/grpc_message.hpp"

#include <array>

#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform {
namespace {

void add_varint(std::string& out, std::uint64_t value) {
  constexpr std::uint64_t more = 0x80;
  for (; value >= more; value >>= 7) out.push_back(static_cast<char>(value | more));
  out.push_back(static_cast<char>(value));
}

}  // namespace

std::string grpc_message(std::string_view payload) {
  std::array<char, http2::grpc_prefix_size> prefix;
  http2::write_grpc_prefix(prefix.data(), payload.size());
  return std::string{prefix.data(), prefix.size()}.append(payload);
}

std::string grpc_message(wire::FrameType type, std::string_view content) {
  constexpr std::uint32_t of_bytes = 2;  // protobuf's wire type
  std::string envelope;
  add_varint(envelope, wire::number_in(wire::Stream::process, type) << 3 | of_bytes);
  add_varint(envelope, content.size());
  return grpc_message(envelope.append(content));
}

Frame open_message(wire::Envelope envelope, std::string_view message) {
  std::string padded{message};
  padded.resize(message.size() + base::limits::tail_padding);
  const auto frame = wire::open_envelope(envelope, std::string_view{padded}.substr(0, message.size()));
  if (!frame) throw Violation{"it sent " + frame.error().detail()};
  return Frame{*frame};
}

}  // namespace picket::apps::cli::conform
