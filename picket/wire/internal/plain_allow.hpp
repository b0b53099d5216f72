#pragma once

#include <string_view>

#include "picket/wire/codec.hpp"

/// The answer that nearly every event gets: allow, and nothing else. But for the exchange's id its bytes are always the
/// same, so they are written once, by the ordinary writer, and from then on copied, or compared as a whole.
namespace picket::wire::internal {

/// Appends the payload of `response` where it is such an answer; else false, and nothing was written.
[[nodiscard]] bool write_plain_allow(const Format& format, const AgentResponse& response, Output& out);

/// Reads such an answer, as Picket or the reference writes it, into one that is as it was made; else false. `payload`
/// is followed by tail_padding bytes.
[[nodiscard]] bool read_plain_allow(Encoding encoding, std::string_view payload, AgentResponse& response);

}  // namespace picket::wire::internal
