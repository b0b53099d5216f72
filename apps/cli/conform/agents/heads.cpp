#include <array>
#include <vector>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;

constexpr auto headers_type = static_cast<std::uint8_t>(FrameType::request_headers);

wire::RequestHeaders head_with(std::string_view id, std::span<const base::Header> fields) {
  wire::RequestHeaders head = Talk::head(id);
  head.headers = fields;
  return head;
}

void expect_taken(Agent& agent, std::span<const base::Header> fields) {
  Talk talk = agent.open();
  (void)talk.ask(head_with(talk.mint(), fields));
}

/// A head as JSON text, `@` in it standing for the id.
void expect_text_taken(Agent& agent, std::string_view text) {
  Talk talk = agent.open();
  const std::string_view id = talk.mint();
  std::string payload{text};
  for (std::size_t at = payload.find('@'); at != std::string::npos; at = payload.find('@')) payload.replace(at, 1, id);
  talk.peer().say_frame(headers_type, payload);
  (void)talk.answer_to(id, "request_headers");
}

constexpr std::string_view nothing_optional =
    R"({"correlation_id":"@","metadata":{"correlation_id":"@","request_id":"r","client_ip":"192.0.2.1","client_port":1,)"
    R"("protocol":"HTTP/1.1","timestamp":"2026-01-01T00:00:00Z"},"method":"GET","uri":"/","headers":{}})";
constexpr std::string_view more_than_known =
    R"({"new":[{"a":1}],"metadata":{"later":true,"correlation_id":"@","request_id":"r","client_ip":"192.0.2.1",)"
    R"("client_port":1,"server_name":null,"protocol":"HTTP/1.1","tls_version":null,"tls_cipher":null,"route_id":null,)"
    R"("upstream_id":null,"timestamp":"2026-01-01T00:00:00Z"},"method":"GET","uri":"/","headers":{},"correlation_id":"@"})";
constexpr std::string_view backwards =
    R"({"headers":{"accept":["*/*"]},"uri":"/","method":"GET","metadata":{"timestamp":"2026-01-01T00:00:00Z",)"
    R"("upstream_id":null,"route_id":null,"tls_cipher":null,"tls_version":null,"protocol":"HTTP/1.1","server_name":null,)"
    R"("client_port":1,"client_ip":"192.0.2.1","request_id":"r","correlation_id":"@"},"correlation_id":"@"})";
constexpr std::string_view escaped =
    R"({"correlation_id":"@","metadata":{"correlation_id":"@","request_id":"r","client_ip":"192.0.2.1","client_port":1,)"
    R"("server_name":null,"protocol":"HTTP\/1.1","tls_version":null,"tls_cipher":null,"route_id":null,"upstream_id":null,)"
    R"("timestamp":"2026-01-01T00:00:00Z"},"\u006dethod":"G\u0045T","uri":"\/\ud83d\ude00","headers":{"x":["\u0000\t"]}})";

constexpr std::array rules{
    AgentRule{"heads.no-fields", "4", "A head without fields is answered.", Scope::everywhere,
              [](Agent& agent) { expect_taken(agent, {}); }},
    AgentRule{"heads.repeated", "4", "A field may have several values.", Scope::everywhere,
              [](Agent& agent) {
                static constexpr std::array<base::Header, 3> fields{
                    base::Header{"cookie", "a=1"}, base::Header{"accept", "*/*"}, base::Header{"cookie", "b=2"}};
                expect_taken(agent, fields);
              }},
    AgentRule{"heads.utf8", "4", "Values that are not ASCII are answered.", Scope::everywhere,
              [](Agent& agent) {
                static constexpr std::array<base::Header, 2> fields{base::Header{"x-name", "Jörg 日本語 😀"},
                                                                    base::Header{"x-empty", ""}};
                expect_taken(agent, fields);
              }},
    AgentRule{"heads.no-utf8", "4", "A value that is no UTF-8 is answered, as far as the encoding carries it.",
              Scope::everywhere,
              [](Agent& agent) {
                static constexpr std::array<base::Header, 1> fields{base::Header{"x-bytes", "\xff\xfe\x80"}};
                expect_taken(agent, fields);
              }},
    AgentRule{"heads.raw-bytes", "3", "With raw-bytes a value that is no UTF-8 comes as bin, and is answered.",
              Scope::msgpack,
              [](Agent& agent) {
                static constexpr std::array<base::Header, 1> fields{base::Header{"x-bytes", "\xff\xfe\x80"}};
                Talk talk = agent.open_with({wire::extension_raw_bytes});
                (void)talk.ask(head_with(talk.mint(), fields));
              }},
    AgentRule{"heads.many", "4", "A head of 200 fields is answered.", Scope::everywhere,
              [](Agent& agent) {
                std::vector<std::string> names;
                for (int i = 0; i < 200; ++i) names.push_back(fmt::format("x-field-{}", i));
                std::vector<base::Header> fields;
                for (const std::string& name : names) fields.push_back({name, "value"});
                expect_taken(agent, fields);
              }},
    AgentRule{"heads.long", "4", "A head with an URI of 8 KiB and a value of 32 KiB is answered.", Scope::everywhere,
              [](Agent& agent) {
                const std::string uri = "/" + std::string(8191, 'u');
                const std::string value(32 * 1024, 'v');
                const std::array<base::Header, 1> fields{base::Header{"x-long", value}};
                Talk talk = agent.open();
                wire::RequestHeaders head = head_with(talk.mint(), fields);
                head.uri = uri;
                (void)talk.ask(head);
              }},
    AgentRule{"heads.all-optional", "4", "A head whose optional fields are all there is answered.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                wire::RequestHeaders head = Talk::head(talk.mint());
                head.metadata.server_name = "conform.test";
                head.metadata.tls_version = "TLSv1.3";
                head.metadata.tls_cipher = "TLS_AES_128_GCM_SHA256";
                head.metadata.route_id = "route";
                head.metadata.upstream_id = "upstream";
                head.metadata.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
                (void)talk.ask(head);
              }},
    AgentRule{"heads.nothing-optional", "4", "Optional fields may be absent as well as null.", Scope::once,
              [](Agent& agent) { expect_text_taken(agent, nothing_optional); }},
    AgentRule{"heads.unknown-keys", "4", "Keys of an event that it does not know are ignored.", Scope::once,
              [](Agent& agent) { expect_text_taken(agent, more_than_known); }},
    AgentRule{"heads.any-order", "4", "The keys of an event may stand in any order.", Scope::once,
              [](Agent& agent) { expect_text_taken(agent, backwards); }},
    AgentRule{"heads.escapes", "4", "JSON's escapes are read, in names as in values.", Scope::once,
              [](Agent& agent) { expect_text_taken(agent, escaped); }},
    AgentRule{"heads.ipv6", "4", "client_ip may be an IPv6 address.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                wire::RequestHeaders head = Talk::head(talk.mint());
                head.metadata.client_ip = "2001:db8::1";
                head.metadata.client_port = 65535;
                (void)talk.ask(head);
              }},
    AgentRule{"heads.methods", "4", "Any method is answered.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (const std::string_view method : {"POST", "OPTIONS", "PROPFIND", "x-own"}) {
                  wire::RequestHeaders head = Talk::head(talk.mint());
                  head.method = method;
                  (void)talk.ask(head);
                }
              }},
};

}  // namespace

AgentRules head_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
