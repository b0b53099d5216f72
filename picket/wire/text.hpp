#pragma once

#include <span>
#include <string_view>

#include "picket/base/headers.hpp"

/// What the fields of messages are made of, beside numbers: views. Lifetime: as messages.hpp has it.
namespace picket::wire {

using base::Header;
using base::HeaderOp;
using base::HeaderOps;
using base::Headers;
using Text = std::string_view;
using TextList = std::span<const Text>;

/// One entry of a map from text to text. A name may come twice: none is dropped on the way.
struct TextPair {
  Text key;
  Text value;
  friend bool operator==(const TextPair&, const TextPair&) = default;
};
using TextMap = std::span<const TextPair>;  ///< In wire order.

}  // namespace picket::wire
