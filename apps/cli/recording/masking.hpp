#pragma once

#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/frame.hpp"

/// What must not stand in a file that somebody attaches to a report.
namespace picket::apps::cli {

/// Stands in place of each secret.
inline constexpr std::string_view mask = "[masked]";

/// `payload` with every value of a `config` tree, every token of a registration, and every value of the headers
/// Authorization, Proxy-Authorization, Cookie and Set-Cookie replaced by the mask; in events, and in what an answer
/// does to headers. `payload` is followed by limits::tail_padding readable bytes. What does not decode becomes the mask
/// as a whole: nobody knows what it holds.
[[nodiscard]] std::string masked(const wire::Format& format, const wire::FrameView& frame);

}  // namespace picket::apps::cli
