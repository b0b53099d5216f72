#include <algorithm>
#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;
using wire::Value;

/// The head of a request that was asked about. Lifetime: the arena's and the proxy's.
wire::RequestHeaders head_of(Proxy& proxy, base::Arena& arena, const HttpRequest& request = {}) {
  (void)proxy.ask(request);
  return proxy.first(FrameType::request_headers).as<wire::RequestHeaders>(arena);
}

/// The chunks of a request's body. Throws Skipped where the proxy shows none.
std::vector<wire::RequestBodyChunk> chunks_of(Proxy& proxy, base::Arena& arena, std::string_view body) {
  (void)proxy.ask(post(body));
  return all_of<wire::RequestBodyChunk>(proxy, arena);
}

bool is_bare_address(std::string_view text) {
  const bool is_v4 = text.find('.') != std::string_view::npos && text.find(':') == std::string_view::npos;
  const bool is_v6 = std::ranges::count(text, ':') >= 2 && !text.starts_with('[');
  return is_v4 || is_v6;
}

/// Whether it begins as RFC 3339 has it: 2026-01-01T00:00:00, and a zone at the end.
bool is_time(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd' ? !is_digit : text[i] != form[i]) return false;
  }
  return text.ends_with('Z') || text.find_first_of("+-", form.size()) != std::string_view::npos;
}

constexpr std::array rules{
    ProxyRule{"heads.come", "4", "A request is one request_headers.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.ask();
                const auto count = proxy.of(FrameType::request_headers).size();
                expect(count == 1, "{} came", count);
              }},
    ProxyRule{"heads.id-twice", "4", "correlation_id stands at the top and in metadata, and is the same.", Scope::once,
              [](Proxy& proxy) {
                (void)proxy.ask();
                const Document head{proxy.first(FrameType::request_headers).frame};
                const Value* const top = head.find("correlation_id");
                const Value* const within = head.find("metadata.correlation_id");
                expect(top != nullptr, "there is none at the top");
                expect(within != nullptr && *top == *within, "they differ");
              }},
    ProxyRule{"heads.method", "4", "method is the request's.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(proxy, arena, {.method = "OPTIONS", .fields = {}, .body = {}});
                expect(head.method == "OPTIONS", "it is {}", head.method);
              }},
    ProxyRule{"heads.uri", "4", "uri has the request's path and query.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(proxy, arena, {.target = "/conform/a%20b?c=d&e", .fields = {}, .body = {}});
                expect(head.uri == "/conform/a%20b?c=d&e", "it is {}", head.uri);
              }},
    ProxyRule{"heads.lower-case", "4", "Names of fields are in lower case.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(proxy, arena, {.fields = {{"X-Conform", "Yes"}}, .body = {}});
                bool found = false;
                for (const auto& [name, value] : head.headers) {
                  expect(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }), "{} is not", name);
                  found = found || (name == "x-conform" && value == "Yes");
                }
                expect(found, "x-conform is not there, or its value is another");
              }},
    ProxyRule{"heads.every-value", "4", "Each value of a field is there, in its order.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head =
                    head_of(proxy, arena,
                            {.fields = {{"x-conform", "one"}, {"x-other", "2"}, {"X-Conform", "three"}}, .body = {}});
                std::string all;
                for (const auto& [name, value] : head.headers)
                  if (name == "x-conform") all.append(value).append(" ");
                expect(all == "one three ", "of one and three there is \"{}\"", all);
              }},
    ProxyRule{"heads.client-ip", "4", "client_ip is an address without a port.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(proxy, arena);
                expect(is_bare_address(head.metadata.client_ip), "it is {}", head.metadata.client_ip);
              }},
    ProxyRule{"heads.client-port", "4", "client_port is the client's port.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                expect(head_of(proxy, arena).metadata.client_port != 0, "it is 0");
              }},
    ProxyRule{"heads.timestamp", "4", "timestamp is a time of RFC 3339.", Scope::sockets,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(proxy, arena);
                expect(is_time(head.metadata.timestamp), "it is {}", head.metadata.timestamp);
              }},
    ProxyRule{"heads.protocol", "4", "protocol names HTTP's version.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(proxy, arena);
                expect(head.metadata.protocol == "HTTP/1.1", "it is {}", head.metadata.protocol);
              }},
    ProxyRule{"heads.traceparent", "4", "traceparent is left out where there is none; it is not null.", Scope::once,
              [](Proxy& proxy) {
                (void)proxy.ask();
                const Document head{proxy.first(FrameType::request_headers).frame};
                const Value* const found = head.find("metadata.traceparent");
                expect(found == nullptr || !found->is_null(), "it is null");
              }},
    ProxyRule{"ids.fresh", "4", "Each exchange has an id of its own.", Scope::everywhere,
              [](Proxy& proxy) {
                for (int i = 0; i < 5; ++i) (void)proxy.ask();
                std::vector<std::string> ids;
                for (const Heard* const heard : proxy.of(FrameType::request_headers)) ids.push_back(heard->id);
                std::ranges::sort(ids);
                expect(std::ranges::adjacent_find(ids) == ids.end(), "two requests have one");
                expect(!ids.empty() && !ids.front().empty(), "one is empty");
              }},
    ProxyRule{"ids.not-the-clients", "4", "No client chooses its id.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(
                    proxy, arena,
                    {.fields = {{"x-request-id", "conform-mine"}, {"x-correlation-id", "conform-mine"}}, .body = {}});
                expect(head.metadata.correlation_id != "conform-mine", "it does");
              }},
    ProxyRule{"bodies.whole", "4", "The chunks of a body are its bytes.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const std::string body = long_body();
                std::string shown;
                for (const auto& chunk : chunks_of(proxy, arena, body)) shown.append(base::as_text(chunk.data));
                expect(shown == body, "{} bytes are shown of {}, or others", shown.size(), body.size());
              }},
    ProxyRule{"bodies.indices", "4", "chunk_index counts from 0.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto chunks = chunks_of(proxy, arena, long_body());
                for (std::size_t i = 0; i < chunks.size(); ++i)
                  expect(chunks[i].chunk_index == i, "chunk {} says {}", i, chunks[i].chunk_index);
              }},
    ProxyRule{"bodies.last", "4", "is_last is true of the last chunk, and of no other.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto chunks = chunks_of(proxy, arena, long_body());
                for (std::size_t i = 0; i < chunks.size(); ++i)
                  expect(chunks[i].is_last == (i + 1 == chunks.size()), "chunk {} of {} says {}", i, chunks.size(),
                         chunks[i].is_last);
              }},
    ProxyRule{"bodies.received", "4", "bytes_received counts what was shown, this chunk included.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                std::uint64_t shown = 0;
                for (const auto& chunk : chunks_of(proxy, arena, long_body())) {
                  shown += chunk.data.size();
                  expect(chunk.bytes_received == shown, "{} after {} bytes", chunk.bytes_received, shown);
                }
              }},
    ProxyRule{"bodies.total", "4", "total_size, where it is said, is the body's size.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const std::string body = long_body();
                for (const auto& chunk : chunks_of(proxy, arena, body))
                  expect(!chunk.total_size || *chunk.total_size == body.size(), "it is {}",
                         chunk.total_size.value_or(0));
              }},
    ProxyRule{"bodies.text", "3", "Without raw-bytes data is base64 text, in MessagePack too.", Scope::msgpack,
              [](Proxy& proxy) {
                (void)proxy.ask(post("conform!"));
                need_some(proxy, FrameType::request_body_chunk);
                expect(proxy.first(FrameType::request_body_chunk).frame.payload().find("Y29uZm9ybSE=") !=
                           std::string_view::npos,
                       "it is not");
              }},
    ProxyRule{"bodies.one-at-a-time", "5", "Without event-reply one event of an exchange waits at a time.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent(post("conform"));
                proxy.go_on_for(a_while);
                expect(proxy.of(FrameType::request_body_chunk).empty(), "a chunk comes before the head is answered");
                heads.release();
              }},
    ProxyRule{"complete.comes", "1", "request_complete ends an exchange, once.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.ask();
                await_complete(proxy);
                proxy.go_on_for(std::chrono::milliseconds{50});
                const auto heads = proxy.of(FrameType::request_headers).size();
                const auto count = proxy.of(FrameType::request_complete).size();
                expect(count == heads, "{} came to {} exchanges", count, heads);
                expect(proxy.first(FrameType::request_complete).id == proxy.first(FrameType::request_headers).id,
                       "it names another exchange");
              }},
    ProxyRule{"complete.blocked", "1", "request_complete comes after a block, too.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)answered(proxy, {.decision = block()});
                await_complete(proxy);
              }},
    ProxyRule{"complete.status", "4", "status of request_complete is what the client got.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)answered(proxy, {.decision = block()});
                await_complete(proxy);
                base::Arena arena;
                const auto complete = proxy.first(FrameType::request_complete).as<wire::RequestComplete>(arena);
                expect(complete.status == blocked, "it is {}", complete.status);
              }},
    ProxyRule{"complete.last", "1", "Nothing of an exchange follows its request_complete.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.ask(post("conform"));
                await_complete(proxy);
                proxy.go_on_for(std::chrono::milliseconds{50});
                std::vector<std::string> over;
                for (const Heard& heard : proxy.heard()) {
                  if (heard.id.empty()) continue;
                  expect(std::ranges::find(over, heard.id) == over.end(), "{} does", name(heard.frame.type));
                  if (heard.frame.type == FrameType::request_complete) over.push_back(heard.id);
                }
              }},
    ProxyRule{"cancel.client-gone", "1", "A client that goes away is told by a cancel, and request_complete follows.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent({});
                call->leave();
                proxy.await("cancel", [&] { return !proxy.of(FrameType::cancel).empty(); });
                base::Arena arena;
                const auto cancel = proxy.first(FrameType::cancel).as<wire::Cancel>(arena);
                expect(cancel.correlation_id == proxy.first(FrameType::request_headers).id,
                       "it names another exchange");
                expect(cancel.reason == wire::CancelReason::client_disconnect, "its reason is {}",
                       static_cast<int>(cancel.reason));
                await_complete(proxy);
              }},
    ProxyRule{"cancel.late", "1", "An event that is not answered in time is told by a cancel.", Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent({});
                proxy.await("cancel", [&] { return !proxy.of(FrameType::cancel).empty(); });
                base::Arena arena;
                const auto cancel = proxy.first(FrameType::cancel).as<wire::Cancel>(arena);
                expect(cancel.reason == wire::CancelReason::timeout, "its reason is {}",
                       static_cast<int>(cancel.reason));
                proxy.await("answer to the client", [&] { return call->poll(); });
              }},
};

}  // namespace

ProxyRules event_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
