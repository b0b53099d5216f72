#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/session/opening.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/messages.hpp"

/// What openings offer and take: encodings, extensions and kinds of events (protocol.md §3). Pure.
namespace picket::session {

/// A ConfigUpdateRequest is answered (protocol.md §3).
inline constexpr wire::Text extension_config_reply = "config-reply";
/// All that are offered and taken, in the order in which they are named.
inline constexpr std::array<wire::Text, 4> all_extensions{wire::extension_raw_bytes, wire::extension_event_reply,
                                                          wire::extension_one_way_complete, extension_config_reply};

/// The numbers of `kinds` on a Unix socket. They live in `arena`.
[[nodiscard]] std::span<const std::int32_t> numbers_of(std::span<const wire::EventKind> kinds, base::Arena& arena);
/// The kinds that `numbers` name; those that nobody knows are skipped.
[[nodiscard]] std::vector<wire::EventKind> kinds_of(std::span<const std::int32_t> numbers);

/// Of our extensions those that mean something in an encoding: protobuf's bytes are raw anyway. Lifetime: constants.
[[nodiscard]] wire::TextList extensions_of(wire::Encoding encoding) noexcept;
/// The first of the offered encodings that is spoken here; JSON where there is none. So the one who offers has the
/// choice: its list is in order of preference.
[[nodiscard]] wire::Encoding choose(std::span<const wire::Encoding> offered, std::span<const wire::Encoding> spoken);
/// Of our extensions those that are offered; none where `takes_any` is false. Lifetime: the texts are constants of
/// ours, not the peer's bytes.
[[nodiscard]] std::vector<wire::Text> choose_extensions(wire::TextList offered, bool takes_any);

/// Extensions that nobody knows mean nothing.
[[nodiscard]] Terms terms(wire::Encoding encoding, wire::TextList extensions);

}  // namespace picket::session
