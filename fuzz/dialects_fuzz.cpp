#include "fuzz/check.hpp"
#include "picket/session/dialects/testing/dialect_end.hpp"

using namespace picket;
using session::testing::DialectEnd;

/// What an agent of a dialect says ends its connection, or is an answer to the event that is in flight: no event is
/// answered twice, and none that was not asked. The first byte chooses the dialect.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view said = fuzz::text_of(data, size).substr(1);
  const bool is_v1 = data[0] % 2 == 0;
  DialectEnd end{is_v1 ? session::Dialect::v1 : session::Dialect::site};
  if (!is_v1)
    end.feed(session::testing::raw_frame(
        wire::FrameType::handshake_response,
        R"({"protocol_version":2,"agent_name":"a","capabilities":{"handles_request_headers":true}})"));
  fuzz::require(end.ask(end.one, 1).has_value(), "the event is not sent");
  (void)end.written();
  end.feed(said);
  (void)end.written();
  const std::size_t answers = end.answered().size();
  fuzz::require(answers <= 1, "one event, and two answers");
  fuzz::require(end.session().in_flight() + answers <= 1, "an event is answered and in flight");
  return 0;
}
