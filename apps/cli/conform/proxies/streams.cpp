#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"
#include "apps/cli/conform/proxies/web_socket.hpp"

/// What agents see and decide of WebSockets and of what language models are told.
namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

// ---- WebSockets

/// Goes on until so many frames were shown. Throws Skipped where they pass without being shown.
std::vector<wire::WebSocketFrame> shown(Proxy& proxy, Tunnel& tunnel, base::Arena& arena, std::size_t count) {
  proxy.await("frame", [&] {
    return proxy.of(FrameType::websocket_frame).size() >= count ||
           tunnel.at_upstream().size() + tunnel.at_client().size() >= count;
  });
  if (proxy.of(FrameType::websocket_frame).empty()) proxy.go_on_for(a_while);
  return all_of<wire::WebSocketFrame>(proxy, arena);
}

/// The frames of a client that says two texts, and an upstream that does.
std::vector<wire::WebSocketFrame> four_frames(Proxy& proxy, base::Arena& arena) {
  Tunnel tunnel{proxy};
  for (const std::string_view text : {"one", "two"}) {
    tunnel.client_says(text);
    tunnel.upstream_says(text);
  }
  return shown(proxy, tunnel, arena, 4);
}

/// Frames whose text is that are answered so, all others allowed.
void decide_on(Proxy& proxy, std::string_view text, const wire::WebSocketDecision& decision) {
  proxy.answering = [&proxy, text, decision](Served& connection, const Heard& heard) {
    if (heard.frame.type != FrameType::websocket_frame) return proxy.answer_plainly(connection, heard);
    base::Arena arena;
    const bool is_it = base::as_text(heard.as<wire::WebSocketFrame>(arena).data) == text;
    connection.answer(heard, wire::AgentResponse{.decision = wire::Allow{},
                                                 .websocket_decision = is_it ? std::optional{decision} : std::nullopt});
  };
}

// ---- guardrails

/// Two messages of a chat.
HttpRequest chat() {
  return {.method = "POST",
          .target = "/conform-chat",
          .fields = {{"content-type", "application/json"}},
          .body = R"({"messages":[{"role":"user","content":"conform one"},{"role":"user","content":"conform two"}]})"};
}

std::vector<wire::GuardrailInspect> texts_of(Proxy& proxy, base::Arena& arena) {
  (void)proxy.ask(chat());
  return all_of<wire::GuardrailInspect>(proxy, arena);
}

std::string_view index_of(const wire::GuardrailInspect& text) {
  for (const auto& [name, value] : text.metadata)
    if (name == "index") return value;
  return {};
}

constexpr std::array rules{
    ProxyRule{"websocket.shown", "4", "A frame is shown as it is, with its direction.", Scope::everywhere,
              [](Proxy& proxy) {
                Tunnel tunnel{proxy};
                tunnel.client_says("conform");
                base::Arena arena;
                const auto frame = shown(proxy, tunnel, arena, 1).front();
                expect(frame.opcode == wire::WebSocketOpcode::text, "it is no text");
                expect(base::as_text(frame.data) == "conform", "it is \"{}\"", base::as_text(frame.data));
                expect(frame.client_to_server, "it comes from the upstream");
                expect(frame.fin, "it is not the last of its message");
              }},
    ProxyRule{"websocket.exchange", "1", "The frames have the id of their handshake.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                for (const auto& frame : four_frames(proxy, arena))
                  expect(frame.correlation_id == proxy.of(FrameType::request_headers).back()->id, "one has another");
              }},
    ProxyRule{"websocket.indices", "4", "frame_index counts from 0, each direction by itself.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                std::array<std::uint64_t, 2> next{};
                for (const auto& frame : four_frames(proxy, arena)) {
                  std::uint64_t& wanted = next.at(frame.client_to_server ? 1 : 0);
                  expect(frame.frame_index == wanted, "{} in place of {}", frame.frame_index, wanted);
                  ++wanted;
                }
                expect(next.front() == next.back(), "{} frames of one direction are shown, and {} of the other",
                       next.front(), next.back());
              }},
    ProxyRule{"websocket.allow", "5", "Frames that are allowed go on, in their order.", Scope::everywhere,
              [](Proxy& proxy) {
                Tunnel tunnel{proxy};
                for (const std::string_view text : {"one", "two", "three"}) tunnel.client_says(text);
                proxy.await("frames", [&] { return tunnel.at_upstream().size() >= 3; });
                need_some(proxy, FrameType::websocket_frame);
                std::string all;
                for (const WebFrame& frame : tunnel.at_upstream()) all.append(frame.data).append(" ");
                expect(all == "one two three ", "they are {}", all);
              }},
    ProxyRule{"websocket.waits", "1", "A frame waits for its verdict.", Scope::everywhere,
              [](Proxy& proxy) {
                Held frames{proxy, {FrameType::websocket_frame}};
                Tunnel tunnel{proxy};
                tunnel.client_says("conform");
                base::Arena arena;
                (void)shown(proxy, tunnel, arena, 1);
                proxy.go_on_for(a_while);
                expect(tunnel.at_upstream().empty(), "it goes on before");
                frames.release();
                proxy.await("frame", [&] { return !tunnel.at_upstream().empty(); });
              }},
    ProxyRule{
        "websocket.drop", "5", "A frame that is dropped does not go on, and those behind it do.", Scope::everywhere,
        [](Proxy& proxy) {
          decide_on(proxy, "two", wire::WebSocketVerdict::drop);
          Tunnel tunnel{proxy};
          for (const std::string_view text : {"one", "two", "three"}) tunnel.client_says(text);
          proxy.await("frames", [&] { return tunnel.at_upstream().size() >= 2; });
          need_some(proxy, FrameType::websocket_frame);
          const auto frames = tunnel.at_upstream();
          expect(frames[0].data == "one" && frames[1].data == "three", "{} and {} do", frames[0].data, frames[1].data);
        }},
    ProxyRule{"websocket.close", "5", "A close is the client's, with its code.", Scope::everywhere,
              [](Proxy& proxy) {
                decide_on(proxy, "two", wire::WebSocketClose{.code = 4001, .reason = "conform"});
                Tunnel tunnel{proxy};
                tunnel.client_says("two");
                base::Arena arena;
                (void)shown(proxy, tunnel, arena, 1);
                proxy.await("close", [&] { return !tunnel.at_client().empty(); });
                const WebFrame frame = tunnel.at_client().front();
                expect(frame.opcode == close_frame, "the client gets another frame");
                expect(frame.data.starts_with("\x0f\xa1"), "it has another code");
              }},
    ProxyRule{"guardrail.texts", "4", "Each message of a chat is shown, as text.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                std::string all;
                for (const auto& text : texts_of(proxy, arena))
                  if (text.inspection_type == wire::InspectionType::prompt_injection)
                    all.append(text.content).append(" ");
                expect(all == "conform one conform two ", "they are \"{}\"", all);
              }},
    ProxyRule{"guardrail.indices", "3", "metadata.index of texts counts from 0.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                std::size_t wanted = 0;
                for (const auto& text : texts_of(proxy, arena)) {
                  if (text.inspection_type != wire::InspectionType::prompt_injection) continue;
                  expect(index_of(text) == fmt::to_string(wanted), "\"{}\" in place of {}", index_of(text), wanted);
                  ++wanted;
                }
              }},
    ProxyRule{"guardrail.block", "5", "A text that is blocked does not go on, and the block is the client's.",
              Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                const auto answer = answered(proxy, FrameType::guardrail_inspect, {.decision = block()}, chat());
                need_some(proxy, FrameType::guardrail_inspect);
                expect_status(answer, blocked);
                expect(proxy.origin().requests().empty(), "it goes on");
              }},
};

}  // namespace

ProxyRules stream_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
