#pragma once

#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/codec.hpp"

namespace picket::wire::internal {

/// Writes the message in its envelope. Errors: serialization, where the format's stream has no such message.
template <class Message>
[[nodiscard]] base::Status write_protobuf(const Format& format, const Message& message, Output& out);
/// Reads what stands in the envelope.
template <class Message>
[[nodiscard]] base::Status read_protobuf(std::string_view payload, base::Arena& arena, Message& message);

}  // namespace picket::wire::internal
