#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "picket/base/bytes.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::inspection {

/// Bytes of all pieces together.
[[nodiscard]] std::uint64_t size_of(std::span<const base::ByteView> pieces) noexcept;

/// A body's pieces as one agent gets them: no chunk is larger than `largest`, none spans two pieces (that would be a
/// copy), and an empty body has one empty chunk, the last. Views of the pieces' bytes. Pure.
[[nodiscard]] std::vector<base::ByteView> split(std::span<const base::ByteView> pieces, std::size_t largest);

/// Appends what an agent made of a chunk (protocol.md §5): the chunk where it changed nothing, nothing where it dropped
/// it, else its replacement.
void append(std::vector<base::ByteView>& pieces, base::ByteView chunk,
            const std::optional<wire::BodyMutation>& mutation);

}  // namespace picket::apps::gateway::inspection
