#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;
using wire::Value;

constexpr auto registration_type = static_cast<std::uint8_t>(FrameType::handshake_request);
// More than any proxy lets one agent have, as far as is tried.
constexpr int many = 64;
constexpr std::string_view offer = R"(,"supported_encodings":["msgpack","json"],"extensions":["event-reply"])";

bool succeeds(const Served& connection) {
  const Value* const found = connection.hello().find("success");
  const bool* const success = found == nullptr ? nullptr : found->get<bool>();
  expect(success != nullptr, "success is no boolean");
  return *success;
}

std::string_view text_at(const Served& connection, std::string_view name) {
  const Value* const found = connection.hello().find(name);
  expect(found != nullptr, "there is no {}", name);
  const auto* const text = found->get<std::string_view>();
  expect(text != nullptr, "{} is no text", name);
  return *text;
}

void expect_text(Proxy& proxy, std::string_view name) {
  expect(!text_at(proxy.open(), name).empty(), "{} is empty", name);
}

/// Such a registration is taken, and the connection served.
void expect_taken(Proxy& proxy, const Registration& registration) {
  proxy.registering = [&](Served& connection) { connection.register_as(registration); };
  proxy.expect_served(proxy.open());
}

/// Such a registration is refused with a reason, which is returned.
std::string expect_refused(Proxy& proxy, const Registration& registration, std::string_view what) {
  Served& connection = proxy.join(registration);
  expect(connection.is_greeted(), "it closes the connection after {}, and does not say why", what);
  expect(!succeeds(connection), "it takes {}", what);
  return std::string{text_at(connection, "error")};
}

/// What is no registration ends the connection; an answer, where there is one, is no success.
void expect_ended(Proxy& proxy, std::string_view bytes, std::string_view what) {
  proxy.registering = [&](Served& connection) { connection.write(bytes); };
  Served& connection = proxy.begun();
  proxy.expect_closed(connection, what);
  expect(!connection.is_greeted() || !succeeds(connection), "it takes {}", what);
}

std::string frame(std::string_view payload) { return socket_frame(registration_type, payload); }

/// The extensions that it takes.
std::vector<std::string_view> extensions_of(const Served& connection) {
  const Value* const found = connection.hello().find("extensions");
  if (found == nullptr || found->is_null()) return {};
  const auto* const list = found->get<Value::List>();
  expect(list != nullptr, "extensions are no list");
  std::vector<std::string_view> names;
  for (const Value& item : *list) {
    const auto* const text = item.get<std::string_view>();
    expect(text != nullptr, "extensions hold what is no text");
    names.push_back(*text);
  }
  return names;
}

std::string_view encoding_of(const Served& connection) {
  return connection.hello().find("encoding") == nullptr ? "json" : text_at(connection, "encoding");
}

constexpr std::array rules{
    ProxyRule{
        "registration.answered", "8", "A registration is answered, first of all, by a JSON object.",
        Scope::registration,
        [](Proxy& proxy) { expect(proxy.greeted().hello().value.get<Value::Object>() != nullptr, "it is no object"); }},
    ProxyRule{"registration.success", "8", "success of the answer is true for an agent that is expected.",
              Scope::registration,
              [](Proxy& proxy) {
                const Served& connection = proxy.greeted();
                if (!succeeds(connection)) throw Violation{fmt::format("it says: {}", text_at(connection, "error"))};
              }},
    ProxyRule{"registration.no-error", "8", "error is absent or null where it succeeds.", Scope::registration,
              [](Proxy& proxy) {
                const Value* const error = proxy.open().hello().find("error");
                expect(error == nullptr || error->is_null(), "it is there");
              }},
    ProxyRule{"registration.proxy-id", "8", "proxy_id of the answer is a text that is not empty.", Scope::registration,
              [](Proxy& proxy) { expect_text(proxy, "proxy_id"); }},
    ProxyRule{"registration.proxy-version", "8", "proxy_version of the answer is a text that is not empty.",
              Scope::registration, [](Proxy& proxy) { expect_text(proxy, "proxy_version"); }},
    ProxyRule{"registration.connection-id", "8", "connection_id of the answer is a text that is not empty.",
              Scope::registration, [](Proxy& proxy) { expect_text(proxy, "connection_id"); }},
    ProxyRule{"registration.connection-ids", "8", "Each connection has a connection_id of its own.",
              Scope::registration,
              [](Proxy& proxy) {
                Served& first = proxy.open();
                const Served& second = joined(proxy, proxy.registration());
                expect(text_at(first, "connection_id") != text_at(second, "connection_id"), "two have one");
              }},
    ProxyRule{"registration.plain", "8", "An agent that offers no encoding is spoken to in JSON.", Scope::registration,
              [](Proxy& proxy) {
                Registration plain = proxy.registration();
                plain.encodings = "";
                expect_taken(proxy, plain);
                expect(encoding_of(proxy.open()) == "json", "it chooses {}", encoding_of(proxy.open()));
              }},
    ProxyRule{"registration.encoding", "8", "No encoding is chosen that was not offered.", Scope::registration,
              [](Proxy& proxy) {
                const auto encoding = encoding_of(proxy.open());
                expect(encoding == "json", "it chooses {}", encoding);
              }},
    ProxyRule{"registration.extensions", "8", "Only extensions are taken that were offered.", Scope::registration,
              [](Proxy& proxy) {
                Registration offering = proxy.registration();
                offering.encodings = offer;
                for (const std::string_view name : extensions_of(joined(proxy, offering)))
                  expect(name == wire::extension_event_reply, "it takes {}, too", name);
              }},
    ProxyRule{"registration.no-extensions", "8", "No extension is taken where none is offered.", Scope::registration,
              [](Proxy& proxy) { expect(extensions_of(proxy.open()).empty(), "it takes some"); }},
    ProxyRule{"registration.wanted", "8", "connections_wanted, where it is said, is an integer from 1.",
              Scope::registration,
              [](Proxy& proxy) {
                const Value* const found = proxy.open().hello().find("connections_wanted");
                need(found != nullptr, "the proxy does not say");
                const auto* const count = found->get<std::int64_t>();
                expect(count != nullptr && *count >= 1, "it is none");
              }},
    ProxyRule{"registration.unknown-keys", "8", "Keys of a registration that it does not know are ignored.",
              Scope::registration,
              [](Proxy& proxy) {
                Registration odd = proxy.registration();
                odd.more = R"(,"later":[{"a":null}])";
                expect_taken(proxy, odd);
              }},
    ProxyRule{"registration.metadata", "8", "metadata of a registration may be any object.", Scope::registration,
              [](Proxy& proxy) {
                Registration odd = proxy.registration();
                odd.more = R"(,"metadata":{"zone":"a","list":[1,null]})";
                expect_taken(proxy, odd);
              }},
    ProxyRule{"registration.slow", "2", "A registration that comes byte by byte is taken.", Scope::registration,
              [](Proxy& proxy) {
                proxy.registering = [&](Served& connection) {
                  for (const char byte : frame(connection.text_of(proxy.registration()))) connection.write({&byte, 1});
                };
                proxy.expect_served(proxy.open());
              }},
    ProxyRule{"registration.version", "8", "A registration of another version is refused.", Scope::registration,
              [](Proxy& proxy) {
                Registration other = proxy.registration();
                other.version = "77";
                (void)expect_refused(proxy, other, "version 77");
              }},
    ProxyRule{"registration.says-why", "8", "A refusal says why in error.", Scope::registration,
              [](Proxy& proxy) {
                Registration other = proxy.registration();
                other.version = "77";
                expect(!expect_refused(proxy, other, "version 77").empty(), "it is empty");
              }},
    ProxyRule{"registration.closes", "8", "A connection that was refused is closed.", Scope::registration,
              [](Proxy& proxy) {
                Registration other = proxy.registration();
                other.version = "77";
                proxy.expect_closed(proxy.join(other), "a refusal");
              }},
    ProxyRule{"registration.empty-id", "8", "A registration under an empty id is refused.", Scope::registration,
              [](Proxy& proxy) {
                Registration other = proxy.registration();
                other.agent_id = "";
                (void)expect_refused(proxy, other, "an empty id");
              }},
    ProxyRule{"registration.unknown-id", "8", "An id that nobody expects is refused.", Scope::registration,
              [](Proxy& proxy) {
                Registration other = proxy.registration();
                other.agent_id = "nobody-expects-picket-conform";
                (void)expect_refused(proxy, other, "an id that nobody expects");
              }},
    ProxyRule{"registration.token", "8", "Another secret is refused.", Scope::registration,
              [](Proxy& proxy) {
                need(proxy.options().token.has_value(), "it was not said which is right: --token-file");
                Registration other = proxy.registration();
                other.token = "another-secret";
                (void)expect_refused(proxy, other, "another secret");
              }},
    ProxyRule{"registration.no-token", "8", "A registration without the secret is refused.", Scope::registration,
              [](Proxy& proxy) {
                need(proxy.options().token.has_value(), "it was not said which is right: --token-file");
                Registration other = proxy.registration();
                other.token.reset();
                (void)expect_refused(proxy, other, "a registration without the secret");
              }},
    ProxyRule{"registration.capabilities", "8", "A registration without capabilities is refused.", Scope::registration,
              [](Proxy& proxy) {
                Registration other = proxy.registration();
                other.has_capabilities = false;
                const Served& connection = proxy.join(other);
                expect(!connection.is_greeted() || !succeeds(connection), "it takes it");
              }},
    ProxyRule{"registration.no-json", "8", "A registration that is no JSON ends the connection.", Scope::registration,
              [](Proxy& proxy) { expect_ended(proxy, frame(R"({"agent_id":)"), "half a registration"); }},
    ProxyRule{"registration.no-object", "8", "A registration that is no object ends the connection.",
              Scope::registration,
              [](Proxy& proxy) { expect_ended(proxy, frame("[2]"), "a registration that is a list"); }},
    ProxyRule{"registration.other-frame", "8", "Another frame in place of a registration ends the connection.",
              Scope::registration,
              [](Proxy& proxy) {
                const std::string ping =
                    socket_frame(static_cast<std::uint8_t>(FrameType::ping), R"({"sequence":1,"timestamp_ms":1})");
                expect_ended(proxy, ping, "a ping first");
              }},
    ProxyRule{"registration.twice", "8", "A second registration on one connection ends it.", Scope::registration,
              [](Proxy& proxy) {
                Served& connection = proxy.open();
                connection.register_as(proxy.registration());
                proxy.expect_closed(connection, "a second registration");
              }},
    ProxyRule{"registration.too-many", "8",
              "More connections than one agent may have are refused, not taken and closed.", Scope::registration,
              [](Proxy& proxy) {
                proxy.expect_served(proxy.open());
                for (int i = 1; i < many; ++i) {
                  Served& connection = proxy.join(proxy.registration());
                  expect(connection.is_greeted(), "it closes connection {} without an answer", i + 1);
                  if (!succeeds(connection)) return proxy.expect_served(proxy.open());
                  proxy.expect_served(connection);
                }
                throw Skipped{fmt::format("it takes {}", many)};
              }},
    ProxyRule{"registration.others-live", "8", "A registration that is refused leaves other connections as they are.",
              Scope::registration,
              [](Proxy& proxy) {
                Served& other = proxy.open();
                (void)proxy.join(Registration{.version = "77", .agent_id = "picket-conform", .token = {}});
                proxy.expect_served(other);
              }},
    ProxyRule{"registration.silent", "8", "Connections that say nothing hold up no registration.", Scope::registration,
              [](Proxy& proxy) {
                for (int i = 0; i < many / 4; ++i) proxy.join_silently();
                proxy.expect_served(joined(proxy, proxy.registration()));
              }},
    ProxyRule{"registration.in-time", "8", "Who says nothing is not waited for without end.", Scope::registration,
              [](Proxy& proxy) {
                need_time(proxy);
                proxy.registering = [](Served&) {};
                proxy.expect_closed(proxy.begun(), "silence", a_long_time);
              }},
};

}  // namespace

ProxyRules registration_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
