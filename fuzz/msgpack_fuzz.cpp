#include "fuzz/check.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"

using namespace picket;

/// A frame type and a MessagePack payload, with the extensions and without: each message of that type is an error, or
/// is read, written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view payload = fuzz::text_of(data + 1, size - 1);
  wire::testing::for_each_message([&]<class Message>(std::type_identity<Message>, std::string_view) {
    if (static_cast<std::uint8_t>(Message::type) != data[0]) return;
    for (const bool extended : {false, true})
      fuzz::require_none(wire::testing::error_or_message<Message>(
          {.encoding = wire::Encoding::msgpack, .raw_bytes = extended, .event_reply = extended}, payload));
  });
  return 0;
}
