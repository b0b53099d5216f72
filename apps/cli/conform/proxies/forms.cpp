#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

/// In which forms an answer may be written, and in which it may not (protocol.md §7). They are written by hand: no
/// codec would write most of them.
namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;
using namespace std::string_view_literals;

// ---- MessagePack, as far as answers need it

constexpr char list_of(std::size_t count) { return static_cast<char>(0x90 | count); }
constexpr char map_of(std::size_t count) { return static_cast<char>(0x80 | count); }
constexpr std::string_view nil = "\xc0"sv;

template <class... Parts>
std::string joined_text(const Parts&... parts) {
  std::string all;
  ((all += parts), ...);
  return all;
}
std::string str(std::string_view text) { return joined_text('\xd9', static_cast<char>(text.size()), text); }
std::string bin(std::string_view bytes) { return joined_text('\xc4', static_cast<char>(bytes.size()), bytes); }

/// {"block": {"status": …}}
std::string block_with(std::string_view status) {
  return joined_text(map_of(1), str("block"), map_of(1), str("status"), status);
}
constexpr std::string_view status_451 = "\xcd\x01\xc3"sv;
constexpr std::string_view wide_451 = "\xd3\0\0\0\0\0\0\x01\xc3"sv;
constexpr std::string_view float_451 = "\xca\x43\xe1\x80\x00"sv;
constexpr std::string_view negative = "\xd0\xff"sv;

/// {"custom": {"correlation_id": id}}
std::string audit_of(std::string_view id) {
  return joined_text(map_of(1), str("custom"), map_of(1), str("correlation_id"), str(id));
}
std::string fields_of(std::string_view id, std::string_view version, std::string_view decision) {
  return joined_text(str("version"), version, str("decision"), decision, str("correlation_id"), str(id));
}
/// [2, decision, [], [], {}, audit], as short as it may be.
std::string short_list(std::string_view id, std::string_view decision, std::size_t count = 6) {
  return joined_text(list_of(count), '\x02', decision, list_of(0), list_of(0), map_of(0), audit_of(id));
}
/// With the four elements that may be missing, and some that there are not.
std::string full_list(std::string_view id, std::size_t too_many) {
  std::string all = short_list(id, block_with(status_451), 10 + too_many) + '\xc2';
  for (std::size_t i = 0; i < 3 + too_many; ++i) all += nil;
  return all;
}

using Form = std::string (*)(std::string_view id);

HttpMessage answered_as(Proxy& proxy, Form form) {
  return answered(proxy, [form](Served& connection, const Heard& heard) {
    connection.say_frame(FrameType::agent_response, form(heard.id));
  });
}
void expect_taken(Proxy& proxy, Form form) { expect_status(answered_as(proxy, form), blocked); }
void expect_refused(Proxy& proxy, Form form) { expect_failure(answered_as(proxy, form)); }

/// The bytes of x-conform, as a head shows what a client has sent in Latin-1; empty where it is left out.
std::string value_shown(Proxy& proxy) {
  (void)proxy.ask({.fields = {{"x-conform", "a\xff"}}, .body = {}});
  base::Arena arena;
  const auto heads = all_of<wire::RequestHeaders>(proxy, arena);
  for (const auto& [name, value] : heads.front().headers)
    if (name == "x-conform") return std::string{value};
  return {};
}

constexpr std::array rules{
    ProxyRule{"forms.map", "7", "An answer may be a map with the names of its fields.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_taken(proxy, [](std::string_view id) {
                  return joined_text(map_of(3), fields_of(id, "\x02", block_with(status_451)));
                });
              }},
    ProxyRule{"forms.numbers", "7", "An answer may be a map with the numbers of its fields.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_taken(proxy, [](std::string_view id) {
                  return joined_text(map_of(3), "\0\x02\x01"sv, block_with(status_451), '\x05', audit_of(id));
                });
              }},
    ProxyRule{"forms.list", "7", "An answer may be an array of all its fields.", Scope::msgpack,
              [](Proxy& proxy) { expect_taken(proxy, [](std::string_view id) { return full_list(id, 0); }); }},
    ProxyRule{"forms.short", "7", "An answer may be a shorter array: what is missing may be missing.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_taken(proxy, [](std::string_view id) { return short_list(id, block_with(status_451)); });
              }},
    ProxyRule{"forms.long", "7", "An array with more elements than an answer has is refused.", Scope::msgpack,
              [](Proxy& proxy) { expect_refused(proxy, [](std::string_view id) { return full_list(id, 1); }); }},
    ProxyRule{"forms.unknown", "7", "A field that it does not know is skipped.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_taken(proxy, [](std::string_view id) {
                  return joined_text(map_of(4), str("new"), list_of(1), map_of(0),
                                     fields_of(id, "\x02", block_with(status_451)));
                });
              }},
    ProxyRule{"forms.twice", "7", "A field that stands twice is refused.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_refused(proxy, [](std::string_view id) {
                  return joined_text(map_of(4), str("version"), '\x02', fields_of(id, "\x02", str("allow")));
                });
              }},
    ProxyRule{"forms.wide", "7", "Integers may have any width.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_taken(proxy, [](std::string_view id) { return short_list(id, block_with(wide_451)); });
              }},
    ProxyRule{"forms.float", "7", "A float in place of an integer is refused.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_refused(proxy, [](std::string_view id) { return short_list(id, block_with(float_451)); });
              }},
    ProxyRule{"forms.negative", "7", "A negative number in place of an unsigned one is refused.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_refused(proxy, [](std::string_view id) { return short_list(id, block_with(negative)); });
              }},
    ProxyRule{"forms.bin", "7", "A text may be bin.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_taken(proxy, [](std::string_view id) {
                  return joined_text(map_of(3), str("version"), '\x02', str("decision"), block_with(status_451),
                                     str("correlation_id"), bin(id));
                });
              }},
    ProxyRule{"forms.trailing", "7", "Bytes behind an answer are ignored.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_taken(proxy,
                             [](std::string_view id) { return short_list(id, block_with(status_451)) + "behind"; });
              }},
    ProxyRule{"forms.allow-number", "5", "In MessagePack 0 is allow.", Scope::msgpack,
              [](Proxy& proxy) {
                expect_allowed(answered_as(proxy, [](std::string_view id) { return short_list(id, "\0"sv); }));
              }},
    ProxyRule{"forms.members", "7", "Members that it does not know are skipped.", Scope::once,
              [](Proxy& proxy) {
                expect_status(answered_with(proxy, R"({"new":{"a":[1,{}]},"version":2,"later":null,)"
                                                   R"("decision":{"block":{"status":451}},"correlation_id":"@"})"),
                              blocked);
              }},
    ProxyRule{"forms.mark", "7", "A byte order mark is refused.", Scope::once,
              [](Proxy& proxy) {
                expect_failure(answered_with(
                    proxy, "\xef\xbb\xbf{\"version\":2,\"decision\":\"allow\",\"correlation_id\":\"@\"}"));
              }},
    ProxyRule{"forms.surrogate", "7", "Half a character (a lone surrogate) is refused.", Scope::once,
              [](Proxy& proxy) {
                expect_failure(
                    answered_with(proxy, R"({"new":"\ud800","version":2,"decision":"allow","correlation_id":"@"})"));
              }},
    ProxyRule{"forms.number", "7", "A number that no double holds is refused.", Scope::once,
              [](Proxy& proxy) {
                expect_failure(answered_with(
                    proxy, R"({"version":2,"decision":"allow","correlation_id":"@","audit":{"confidence":1e999}})"));
              }},
    ProxyRule{"heads.not-utf8", "4", "A value that is not UTF-8 is not left out.", Scope::everywhere,
              [](Proxy& proxy) { expect(value_shown(proxy).starts_with("a"), "it is"); }},
    ProxyRule{"raw-bytes.values", "3", "With raw-bytes a value that is not UTF-8 arrives unchanged.", Scope::msgpack,
              [](Proxy& proxy) {
                proxy.take("raw-bytes");
                expect(value_shown(proxy) == "a\xff", "it does not");
              }},
    ProxyRule{"raw-bytes.data", "3", "With raw-bytes data is the body's bytes.", Scope::msgpack,
              [](Proxy& proxy) {
                proxy.take("raw-bytes");
                (void)proxy.ask(post("conform!"));
                need_some(proxy, FrameType::request_body_chunk);
                const std::string_view payload = proxy.first(FrameType::request_body_chunk).frame.payload();
                expect(payload.find("conform!") != std::string_view::npos, "it is not");
              }},
};

}  // namespace

ProxyRules form_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
