#include "picket/base/error.hpp"

#include <array>

namespace picket::base {
namespace {

struct Words {
  std::string_view name;
  std::string_view sentence;
};

// In the order of ErrorKind.
constexpr auto kWords = std::to_array<Words>({
    {"connection_failed", "the peer could not be reached or refused the handshake"},
    {"connection_closed", "the connection ended while something still waited for it"},
    {"timeout", "a deadline passed"},
    {"message_too_large", "a message is over its size limit"},
    {"invalid_message", "the peer sent bytes that are not a valid message"},
    {"version_mismatch", "the peers share no protocol version"},
    {"serialization", "a message cannot be written in the negotiated encoding"},
    {"flow_control_paused", "the agent asked for a pause"},
    {"circuit_open", "the agent failed too often and its circuit breaker is open"},
    {"unknown_agent", "no agent of that name is configured"},
    {"unavailable", "no connection to the agent can take more now"},
    {"io", "the operating system refused an operation"},
});
static_assert(kWords.size() == error_kind_count);

const Words& words(ErrorKind kind) noexcept { return kWords[static_cast<std::size_t>(kind)]; }

}  // namespace

std::string_view name(ErrorKind kind) noexcept { return words(kind).name; }
std::string_view sentence(ErrorKind kind) noexcept { return words(kind).sentence; }

std::string Error::message() const {
  std::string text{name(kind_)};
  text += ": ";
  text += detail_.empty() ? sentence(kind_) : std::string_view{detail_};
  return text;
}

}  // namespace picket::base
