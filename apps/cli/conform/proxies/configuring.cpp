#include <array>
#include <map>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

/// How a proxy gives its agent a configuration (protocol.md §4): the rules need a proxy that has one for it.
namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;
using wire::Value;

/// What its handshake, or its answer to a registration, says.
const Value& configuration_of(Proxy& proxy) {
  const Value* const config = proxy.open().hello().find("config");
  need(config != nullptr && !config->is_null(), "the proxy has no configuration for its agent");
  return *config;
}

/// The first Configure. Lifetime: the arena's and the proxy's.
wire::Configure configure_of(Proxy& proxy, base::Arena& arena) {
  (void)configuration_of(proxy);
  proxy.await("configure", [&] { return !proxy.of(FrameType::configure).empty(); });
  return proxy.first(FrameType::configure).as<wire::Configure>(arena);
}

/// No exchange begins where Configure is answered so.
void expect_unused(Proxy& proxy, const Answer& answer) {
  proxy.answering = [&proxy, answer](Served& connection, const Heard& heard) {
    if (heard.frame.type == FrameType::configure) return answer(connection, heard);
    proxy.answer_plainly(connection, heard);
  };
  (void)configuration_of(proxy);
  proxy.await("configure", [&] { return !proxy.of(FrameType::configure).empty(); });
  keep_asking(proxy, {});
  expect(proxy.of(FrameType::request_headers).empty(), "the connection is used");
}

constexpr std::array rules{
    ProxyRule{"configure.comes", "4", "Behind a handshake with a configuration comes a Configure with the same one.",
              Scope::sockets,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto configure = configure_of(proxy, arena);
                expect(configure.config == configuration_of(proxy), "it is another");
              }},
    ProxyRule{"configure.id", "4", "Configure has a correlation id.", Scope::sockets,
              [](Proxy& proxy) {
                base::Arena arena;
                expect(!configure_of(proxy, arena).correlation_id.empty(), "it has none");
              }},
    ProxyRule{"configure.once", "4", "A connection is configured once, before anything is asked on it.", Scope::sockets,
              [](Proxy& proxy) {
                std::map<const Served*, int> configured;
                bool is_early = false;
                proxy.answering = [&](Served& connection, const Heard& heard) {
                  if (heard.frame.type == FrameType::configure) ++configured[&connection];
                  if (heard.frame.type == FrameType::request_headers)
                    is_early = is_early || configured[&connection] == 0;
                  proxy.answer_plainly(connection, heard);
                };
                (void)configuration_of(proxy);
                for (int i = 0; i < 3; ++i) (void)proxy.ask();
                for (const auto& [connection, count] : configured)
                  expect(count <= 1, "one is configured {} times", count);
                expect(!is_early, "it is asked before");
              }},
    ProxyRule{"configure.refused", "4", "A connection whose agent does not allow its Configure is not used.",
              Scope::sockets,
              [](Proxy& proxy) {
                expect_unused(proxy, [](Served& connection, const Heard& heard) { connection.answer(heard, block()); });
              }},
    ProxyRule{"configure.silent", "4", "A connection whose agent does not answer its Configure is not used.",
              Scope::sockets, [](Proxy& proxy) { expect_unused(proxy, [](Served&, const Heard&) {}); }},
};

}  // namespace

ProxyRules configuring_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
