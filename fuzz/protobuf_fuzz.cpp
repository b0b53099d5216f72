#include "fuzz/check.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"

using namespace picket;

/// A message of gRPC, taken as each envelope: it is an error, or what is in it is an error, or is read, written and
/// read again. Then as each message by itself, in whatever envelope that would be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  constexpr wire::Format format{.encoding = wire::Encoding::protobuf, .event_reply = true};
  for (const auto envelope : {wire::Envelope::proxy_to_agent, wire::Envelope::agent_to_proxy,
                              wire::Envelope::agent_control, wire::Envelope::proxy_control}) {
    const auto opened = wire::open_envelope(envelope, bytes);
    fuzz::require(opened.has_value() || !opened.error().detail().empty(), "an error says what it is");
    wire::testing::for_each_message([&]<class Message>(std::type_identity<Message>, std::string_view) {
      if (opened && opened->type == Message::type)
        fuzz::require_none(wire::testing::error_or_message<Message>(format, opened->payload));
    });
  }
  wire::testing::for_each_message([&]<class Message>(std::type_identity<Message>, std::string_view) {
    fuzz::require_none(wire::testing::error_or_message<Message>(format, bytes));
  });
  return 0;
}
