#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/config/testing/folder.hpp"

namespace picket::apps::gateway::config {
namespace {

/// A mistake, its place between « and ».
struct Case {
  std::string text;
  std::string_view message;
  std::string_view hint;
};

/// The text without its marks, and where they stood.
struct Marked {
  std::string text;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::uint32_t length = 0;
};

Marked unmark(std::string_view text) {
  constexpr std::string_view open = "«";
  constexpr std::string_view close = "»";
  const std::size_t begin = text.find(open);
  const std::size_t end = text.find(close);
  Marked result;
  result.text = std::string(text.substr(0, begin));
  for (const char byte : result.text) {
    ++result.column;
    if (byte == '\n') {
      ++result.line;
      result.column = 1;
    }
  }
  const std::string_view inside = text.substr(begin + open.size(), end - begin - open.size());
  result.length = static_cast<std::uint32_t>(inside.size());
  result.text += inside;
  result.text += text.substr(end + close.size());
  return result;
}

/// A listener whose TLS has these keys.
std::string in_tls(std::string_view keys, std::string_view node = "tls") {
  return "listeners { listener \"b\" { address \"127.0.0.1:1\"; protocol \"https\"; " + std::string{node} + " { " +
         std::string{keys} + " } } }";
}

class Errors : public ::testing::Test {
 protected:
  /// Each case alone, within a file that is otherwise good.
  void expect_each(std::span<const Case> cases, std::string_view before, std::string_view after) {
    for (const auto& [text, message, hint] : cases) {
      SCOPED_TRACE(text);
      const Marked marked = unmark(std::string(before) + std::string(text) + std::string(after));
      const auto file = folder_.write("gateway.kdl", marked.text);
      const Loaded loaded = load(file, testing::variables({}));
      ASSERT_FALSE(loaded.has_value());
      for (std::size_t i = 1; i < loaded.error().size(); ++i) ADD_FAILURE() << render(loaded.error()[i], false);
      const Diagnostic& found = loaded.error().front();
      EXPECT_EQ(found.file, file.string());
      EXPECT_EQ(found.line, marked.line) << render(found, false);
      EXPECT_EQ(found.column, marked.column) << render(found, false);
      EXPECT_EQ(found.length, marked.length) << render(found, false);
      EXPECT_EQ(found.message, message);
      EXPECT_EQ(found.hint, resolve_folder(hint));
    }
  }

  /// DIR in an expectation stands for the test's folder.
  std::string resolve_folder(std::string_view text) const {
    std::string result(text);
    if (const std::size_t at = result.find("DIR"); at != std::string::npos)
      result.replace(at, 3, folder_.path().string());
    return result;
  }

  const testing::Folder folder_;
};

constexpr std::string_view rest = R"(
listeners { listener "web" { address "127.0.0.1:8080" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } }
)";

constexpr std::string_view agent_begin = "agents {\n\tagent \"waf\" {\n\t\tbinary-uds \"/waf.sock\"\n\t\t";
constexpr std::string_view agent_end =
    "\n\t}\n}\n"
    "listeners { listener \"web\" { address \"127.0.0.1:8080\" } }\n"
    "upstreams { upstream \"app\" { target \"127.0.0.1:9000\" } }\n"
    "routes { route \"all\" { upstream \"app\" } }\n";

TEST_F(Errors, InTheFormOfASetting) {
  constexpr std::string_view ms = "it is from 1 to 3600000 ms";
  const Case cases[] = {
      {"«timeut-ms» 250", "\"timeut-ms\" is not known in agent \"waf\"", "did you mean \"timeout-ms\"?"},
      {"«timeout_ms» 250", "\"timeout_ms\" is not known in agent \"waf\"", "did you mean \"timeout-ms\"?"},
      {"pool { «frobnicate» 1 }", "\"frobnicate\" is not known in \"pool\"",
       "known: \"preset\", \"connections\", \"load-balancing\", \"flow-control\", \"wait-ms\", "
       "\"reconnect-interval-ms\", \"max-reconnect-interval-ms\", \"sticky\", \"hedge\""},
      {"timeout-ms 5; «timeout-ms» 6", "\"timeout-ms\" is given twice in agent \"waf\"", "first at DIR/gateway.kdl:4"},
      {"«timeout-ms»", "\"timeout-ms\" has no value", "write it behind the name: timeout-ms …"},
      {"timeout-ms 1 «2»", "\"timeout-ms\" takes one value, not 2",
       "remove the others, or put text with spaces into quotes"},
      {"timeout-ms 1 «a»=2", "\"timeout-ms\" takes no property \"a\"", "remove it"},
      {"«timeout-ms» 1 { }", "\"timeout-ms\" takes no block", "remove the { }"},
      {"timeout-ms («u32»)1", "the type \"(u32)\" means nothing here", "remove it"},
      {"(«t»)timeout-ms 1", "the type \"(t)\" means nothing here", "remove it"},
      {"timeout-ms «0»", "\"timeout-ms\" can't be 0", ms},
      {"timeout-ms «-1»", "\"timeout-ms\" can't be -1", ms},
      {"timeout-ms «3600001»", "\"timeout-ms\" can't be 3600001", ms},
      {"timeout-ms «99999999999999999999»", "\"timeout-ms\" can't be 99999999999999999999", ms},
      {"timeout-ms «1.5»", "\"timeout-ms\" takes a whole number, not 1.5", ms},
      {"timeout-ms «#true»", "\"timeout-ms\" takes a whole number, not #true", ms},
      {"timeout-ms «\"250\"»", "\"timeout-ms\" takes a whole number, not \"250\"",
       "write it without quotes: timeout-ms 250"},
      {"timeout-ms «\"soon\"»", "\"timeout-ms\" takes a whole number, not \"soon\"", ms},
      {"timeout-ms «\"${T:-soon}\"»", "\"timeout-ms\" takes a whole number, not \"soon\"", ms},
      {"timeout-ms \"«${T}»\"", "the environment variable \"T\" is not set", "set it, or give a default: ${T:-value}"},
      {"failure-mode «\"opne\"»", "\"opne\" is no value of \"failure-mode\"", "did you mean \"open\"?"},
      {"failure-mode «\"maybe\"»", "\"maybe\" is no value of \"failure-mode\"", "known: \"closed\", \"open\""},
      {"failure-mode «1»", "\"failure-mode\" takes a word, not 1", "known: \"closed\", \"open\""},
  };
  expect_each(cases, agent_begin, agent_end);
}

TEST_F(Errors, InAgents) {
  constexpr std::string_view known_events =
      "known: \"request_headers\", \"request_body\", \"response_headers\", \"response_body\", \"request_complete\", "
      "\"websocket_frame\", \"guardrail\"";
  const Case cases[] = {
      {"events «\"request_header\"»", "\"request_header\" is no value of \"events\"",
       "did you mean \"request_headers\"?"},
      {"events «\"nonsense\"»", "\"nonsense\" is no value of \"events\"", known_events},
      {"events \"log\" «\"request_complete\"»", "the event \"request_complete\" is named twice", "remove one"},
      {"«events»", "\"events\" has no value", "write it behind the name: events …"},
      {"buffer-size «1023»", "\"buffer-size\" can't be 1023", "it is from 1024 to 12000000 bytes"},
      {"request-body-mode «\"streamed\"»", "\"streamed\" is no value of \"request-body-mode\"",
       "did you mean \"stream\"?"},
      {"request-body-mode «\"hybrid\"»", "\"hybrid\" does not say how much is held first",
       "write request-body-mode \"hybrid\" and bytes, for example 65536"},
      {"response-body-mode \"hybrid\" «0»", "\"response-body-mode\" can't be 0", "it is from 1 to 1073741824 bytes"},
      {"response-body-mode \"stream\" «held-back»=5", "\"held-back\" is not known in response-body-mode \"stream\"",
       "did you mean \"hold-back\"?"},
      {"«response-body-mode» \"stream\" hold-back=5; max-response-body-bytes 5", "6 bytes are to be held, and 5 may be",
       "raise max-response-body-bytes, or lower what is held"},
      {"«request-body-mode» \"hybrid\" 2000000", "2000000 bytes are to be held, and 1048576 may be",
       "raise max-request-body-bytes, or lower what is held"},
      {"request-body-mode \"buffer\" «5»", "\"request-body-mode\" takes one value, not 2",
       "remove the others, or put text with spaces into quotes"},
      {"chunk-timeout-ms «0»", "\"chunk-timeout-ms\" can't be 0", "it is from 1 to 3600000 ms"},
      {"connections 3; pool { «connections» 4 }", "\"connections\" is given twice",
       "it stands beside pool, too: remove one"},
      {"connections «0»", "\"connections\" can't be 0", "it is from 1 to 256"},
      {"protocol-version «1»", "version 1 of the protocol is a dialect here", "write dialect \"v1\" in its place"},
  };
  expect_each(cases, agent_begin, agent_end);
}

TEST_F(Errors, InHowAgentsAreAsked) {
  const Case cases[] = {
      {"circuit-breaker { timeout-seconds 1; «reset-timeout-seconds» 2 }",
       "\"reset-timeout-seconds\" is another word for \"timeout-seconds\"", "remove one"},
      {"circuit-breaker { timeout-seconds «0» }", "\"timeout-seconds\" can't be 0", "it is from 1 to 86400 s"},
      {"«circuit-breaker»", "\"circuit-breaker\" has no block", "its settings stand in a block: circuit-breaker { … }"},
      {"circuit-breaker «5» { }", "\"circuit-breaker\" takes no value",
       "its settings stand in a block: circuit-breaker { … }"},
      {"pool «connections»=4 { }", "\"pool\" takes no property \"connections\"",
       "settings stand in the block, without ="},
      {"pool { load-balancing «\"fastest\"» }", "\"fastest\" is no value of \"load-balancing\"",
       "known: \"round-robin\", \"least-connections\", \"health-based\", \"random\", \"p2c\""},
      {"pool { hedge after=«\"95\"» }", "\"95\" is no percentile", "write \"p50\" to \"p99\", for example \"p95\""},
      {"pool { hedge after=«\"p100\"» }", "\"p100\" is no percentile", "write \"p50\" to \"p99\", for example \"p95\""},
      {"pool { hedge budget=«0» }", "\"budget\" can't be 0", "write a share, for example 0.05"},
      {"pool { hedge budget=«1.5» }", "\"budget\" can't be 1.5", "write a share, for example 0.05"},
      {"pool { hedge budget=«\"5%\"» }", "\"budget\" takes a number, not \"5%\"", "write a share, for example 0.05"},
      {"events \"request_body\"; pool { «hedge» }",
       "an agent that is asked about bodies or responses is not asked twice",
       "remove hedge, or all events but request_headers"},
      {"pool { sticky «\"header\"» }", "\"header\" does not say what makes a session",
       "write \"client-ip\", \"header NAME\" or \"cookie NAME\""},
      {"pool { sticky «\"cookie a b\"» }", "\"cookie a b\" does not say what makes a session",
       "write \"client-ip\", \"header NAME\" or \"cookie NAME\""},
      {"pool { «wait-ms» 5 }", "\"wait-ms\" has no effect here",
       "it goes with flow-control \"wait-and-retry\"; set that, or remove this"},
      {"pool { preset «\"fast\"» }", "\"fast\" is no value of \"preset\"",
       "known: \"high-throughput\", \"low-latency\""},
      {"config { «a» }", "\"a\" has no value", "write a #true, a #null, or a {} for an empty object"},
      {"«unix-socket» \"/other\"", "agent \"waf\" has two transports, \"binary-uds\" and \"unix-socket\"", "keep one"},
      {"«tls» { }", "\"tls\" has no effect here",
       "it goes with tcp \"HOST:PORT\" and grpc \"https://HOST:PORT\"; remove it"},
      {"«insecure» #true", "\"insecure\" has no effect here",
       "it goes with tcp \"HOST:PORT\" and grpc \"https://HOST:PORT\"; remove it"},
  };
  expect_each(cases, agent_begin, agent_end);
}

TEST_F(Errors, InHowAgentsAreReached) {
  const Case cases[] = {
      {"agents { agent «\"waf\"» { events \"log\" } }", "agent \"waf\" has no transport",
       "add binary-uds \"/run/picket/waf.sock\""},
      {"agents { agent \"a\" { grpc «\"127.0.0.1:50051\"» } }",
       "\"127.0.0.1:50051\" does not say how the agent is reached",
       "write \"https://HOST:PORT\", \"http://HOST:PORT\" or \"unix:/run/agent.sock\""},
      {"agents { agent \"a\" { grpc «\"https://127.0.0.1\"» } }", "\"127.0.0.1\" has no port",
       "write it behind a colon: \"127.0.0.1:8080\""},
      {"agents { agent \"a\" { grpc «\"https://_waf._tcp.internal:1\"» } }",
       "the records of the service \"_waf._tcp.internal\" say the port", "write \"_waf._tcp.internal\""},
      {"agents { agent \"a\" { «grpc» \"http://127.0.0.1:1\" } }",
       "this agent would be spoken to in clear: who is on the way reads all and can answer",
       "write https://, or add insecure #true if that is meant"},
      {"agents { agent \"a\" { grpc \"http://127.0.0.1:1\"; «tls» { } } }", "tls { } contradicts http://",
       "write https://, or remove tls { }"},
      {"agents { agent \"a\" { grpc \"https://127.0.0.1:1\"; «insecure» #true } }", "\"insecure\" contradicts https://",
       "keep one"},
      {"agents { agent \"a\" { grpc \"unix:/a\"; «insecure» #true } }", "\"insecure\" has no effect here",
       "it goes with tcp \"HOST:PORT\" and grpc \"https://HOST:PORT\"; remove it"},
      {"agents { agent \"a\" { «tcp» \"127.0.0.1:1\" } }",
       "this agent would be spoken to in clear: who is on the way reads all and can answer",
       "add tls { ca-cert \"ca.pem\" }, or insecure #true if that is meant"},
      {"agents { agent \"a\" { tcp \"127.0.0.1:1\"; tls { }; «insecure» #true } }", "\"insecure\" contradicts tls { }",
       "keep one"},
      {"agents { agent \"a\" { tcp «\"waf.internal\"»; tls { } } }", "\"waf.internal\" has no port",
       "write it behind a colon: \"waf.internal:8080\""},
      {"agents { agent \"a\" { tcp \"127.0.0.1:1\"; tls { sni «\"a b\"» } } }", "\"a b\" is no host name",
       "write the name in the agent's certificate, without port"},
      {"agents { agent \"a\" { unix-socket «\"\"» } }", "\"unix-socket\" can't be empty",
       "write at least one character"},
      {"agents { agent \"a\" { unix-socket «\"a\\nb\"» } }", "\"unix-socket\" can't have control characters",
       "remove newlines, tabs and the like"},
      {"agents { agent \"a\" { unix-socket «5» } }", "\"unix-socket\" takes text, not 5", "put it into quotes"},
      {"agents { agent \"a\" «typ»=\"waf\" { unix-socket \"/a\" } }", "\"typ\" is not known in agent \"a\"",
       "did you mean \"type\"?"},
      {"agents { agent \"a\" type=\"b\" «type»=\"waf\" { unix-socket \"/a\" } }",
       "\"type\" is given twice in agent \"a\"", "first at DIR/gateway.kdl:1"},
      {"agents { «agent» { unix-socket \"/a\" } }", "\"agent\" has no value", "write it behind the name: agent …"},
      {"agents { agent «5» { unix-socket \"/a\" } }", "\"agent\" takes text, not 5", "put it into quotes"},
      {"agents { agent \"a\" { unix-socket \"/a\" }\n agent «\"a\"» { unix-socket \"/b\" } }",
       "there are two agents \"a\"", "the first is at DIR/gateway.kdl:1"},
      {"agents { «agnet» \"a\" { } }", "\"agnet\" is not known in \"agents\"", "did you mean \"agent\"?"},
  };
  expect_each(cases, "", rest);
}

TEST_F(Errors, SocketPathThatTheKernelDoesNotTakeIsTold) {
  const std::string text = "agents { agent \"a\" { unix-socket «\"/" + std::string(107, 'x') + "\"» } }";
  const Case cases[] = {
      {text, "the path of this socket has 108 bytes, 107 are the most", "use a shorter one, for example under /run"}};
  expect_each(cases, "", rest);
}

TEST_F(Errors, WhereAgentsDial) {
  const Case cases[] = {
      {"«reverse-listener» { }", "\"reverse-listener\" says of no place where agents dial",
       "add path \"/run/picket/agents.sock\" or tcp-address \"0.0.0.0:7001\""},
      {"reverse-listener { «tcp-address» \"127.0.0.1:1\" }",
       "agents would be spoken to in clear: who is on the way reads all and can answer",
       "add tls { cert-file \"gateway.pem\"; key-file \"gateway.key\" }, or insecure #true if that is meant"},
      {"reverse-listener { tcp-address \"127.0.0.1:1\"; «insecure» #true; tls { cert-file \"c\"; key-file \"k\" } }",
       "\"insecure\" contradicts tls { }", "keep one"},
      {"reverse-listener { path \"/s\"; «insecure» #true }", "this has no effect here",
       "it goes with tcp-address; remove it"},
      {"reverse-listener { tcp-address \"127.0.0.1:1\"; «tls» { cert-file \"c\" } }", "\"tls\" has no \"key-file\"",
       "add key-file \"gateway.key\""},
      {"reverse-listener { tcp-address «\"gateway:1\"»; insecure #true }", "\"gateway\" is not an IP address",
       "write it as in \"127.0.0.1:8080\" or \"[::1]:8080\""},
      {"reverse-listener { tcp-address «\"127.0.0.1:8080\"»; insecure #true }", "this address is taken",
       "it is first used at DIR/gateway.kdl:2"},
      {"reverse-listener { path \"/s\"; «require-auth» #true }",
       "\"require-auth\" without any auth-token lets nobody in",
       "add auth-token with the id of an agent and its secret"},
      {"reverse-listener { path \"/s\"; «auth-token» \"edge\" }",
       "\"auth-token\" takes two texts: the id of an agent and its secret", "auth-token \"edge\" \"${EDGE_TOKEN}\""},
      {"reverse-listener { path \"/s\"; auth-token \"edge\" «\"\"» }", "\"auth-token\" can't be empty",
       "write at least one character"},
      {"reverse-listener { path \"/s\"; allowed-agents «\"e*ge\"» }",
       "\"e*ge\" has a * before its end: an id is written whole, or as its beginning and a *",
       "write an agent's id, or its beginning and a *: \"edge-*\""},
      {"reverse-listener { path \"/s\"; max-connections-per-agent «0» }", "\"max-connections-per-agent\" can't be 0",
       "it is from 1 to 1024"},
      {"reverse-listener { path \"/s\"; handshake-timeout-secs «0» }", "\"handshake-timeout-secs\" can't be 0",
       "it is from 1 to 3600 s"},
      {"agents { agent «\"a\"» { reverse } }", "agent \"a\" dials the gateway, which listens nowhere for it",
       "add reverse-listener { path \"/run/picket/agents.sock\" }"},
      {"reverse-listener { path \"/s\" }\nagents { agent \"a\" { reverse \"x-*\" }\n agent \"b\" { reverse «\"x-*\"» } "
       "}",
       "agents that dial as \"x-*\" feed agent \"a\" already", "it is claimed at DIR/gateway.kdl:2"},
      {"reverse-listener { path \"/s\" }\nagents { agent \"a\" { reverse «\"*x\"» } }",
       "\"*x\" has a * before its end: an id is written whole, or as its beginning and a *",
       "write an agent's id, or its beginning and a *: \"edge-*\""},
      {"reverse-listener { path \"/s\" }\nagents { agent \"a\" { reverse; pool { «connections» 2 } } }",
       "\"connections\" has no effect here", "an agent that dials sees to its connections itself; remove it"},
      {"reverse-listener { path \"/s\" }\nagents { agent \"a\" { reverse; «insecure» #true } }",
       "\"insecure\" has no effect here", "it goes with tcp \"HOST:PORT\" and grpc \"https://HOST:PORT\"; remove it"},
      {"reverse-listener { path \"/s\" }\nagents { agent \"a\" { reverse; «tcp» \"127.0.0.1:1\"; tls { } } }",
       "agent \"a\" has two transports, \"reverse\" and \"tcp\"", "keep one"},
  };
  expect_each(cases, "", rest);
}

TEST_F(Errors, AtTheTopLevel) {
  const Case cases[] = {
      {"«agnets» { }", "\"agnets\" is not known in the configuration", "did you mean \"agents\"?"},
      {"limits { }; «limits» { }", "\"limits\" is given twice in this file",
       "first at DIR/gateway.kdl:1; join the two"},
      {"«limits»", "\"limits\" has no block", "its settings stand in a block: limits { … }"},
      {"system { resolvers «\"ns.example:53\"» }", "\"ns.example\" is not an IP address",
       "write the address of a name server: \"127.0.0.1:53\""},
      {"system { resolvers «\"127.0.0.1:0\"» }", "\"0\" is not a port",
       "write the address of a name server: \"127.0.0.1:53\""},
      {"system { worker-threads «1025» }", "\"worker-threads\" can't be 1025", "it is from 0 to 1024"},
      {"system { graceful-shutdown-timeout-secs «0» }", "\"graceful-shutdown-timeout-secs\" can't be 0",
       "it is from 1 to 86400 s"},
      {"include «\"none.kdl\"»", "there is no file \"none.kdl\"", "it is looked for in DIR"},
      {"observability { metrics { address «\"127.0.0.1\"» } }", "\"127.0.0.1\" has no port",
       "write it behind a colon: \"127.0.0.1:8080\""},
      {"observability { «metrics» { } }", "\"metrics\" has no \"address\"", "add address \"127.0.0.1:9090\""},
      {"observability { metrics { address \"127.0.0.1:1\"; path «\"metrics\"» } }", "a path begins with \"/\"",
       "write \"/metrics\""},
      {"observability { access-log { file \"a\"; fields \"uri\" «\"user\"» } }",
       "\"user\" is no field of the access log", "did you mean \"user_agent\"?"},
      {"observability { access-log { file \"a\"; fields \"uri\" «\"uri\"» } }", "the field \"uri\" is named twice",
       "remove one"},
      {"observability { access-log { file \"a\"; format \"combined\"; «fields» \"uri\" } }",
       "\"fields\" has no effect here: \"combined\" has its own", "remove it, or write format \"json\""},
      {"observability { «audit» { } }", "\"audit\" has no \"file\"", "add file \"audit.jsonl\""},
      {"observability { logging { level «\"warning\"» } }", "\"warning\" is no value of \"level\"",
       "did you mean \"warn\"?"},
      {"limits { max-body-size-bytes «0» }", "\"max-body-size-bytes\" can't be 0",
       "it is from 1 to 1099511627776 bytes"},
      {"limits { max-websocket-message-bytes «12000001» }", "\"max-websocket-message-bytes\" can't be 12000001",
       "it is from 1 to 12000000 bytes"},
  };
  expect_each(cases, "", rest);
}

TEST_F(Errors, InListeners) {
  const Case cases[] = {
      {"listeners { «listener» \"b\" { } }", "listener \"b\" has no \"address\"", "add address \"127.0.0.1:8080\""},
      {"listeners { listener \"b\" { address «\"localhost:80\"» } }", "\"localhost\" is not an IP address",
       "write it as in \"127.0.0.1:8080\" or \"[::1]:8080\""},
      {"listeners { listener \"b\" { address \"127.0.0.1:1\"; «protocol» \"https\" } }",
       "\"https\" needs a certificate", "add tls { cert-file \"site.pem\"; key-file \"site.key\" }"},
      {"listeners { listener \"b\" { address \"127.0.0.1:1\"; «tls» { cert-file \"c\"; key-file \"k\" } } }",
       "\"tls\" has no effect here: clients would be spoken to in clear", "add protocol \"https\", or remove it"},
      {"listeners { listener \"b\" { address \"127.0.0.1:1\"; «proxy-protocol» #true } }",
       "nothing says whose PROXY header is believed", "add trusted-proxies with the addresses of your load balancers"},
      {in_tls("cert-file \"c\"", "«tls»"), "\"tls\" has no \"key-file\"", "add key-file \"site.key\""},
      {in_tls(R"(cert-file "c"; key-file "k"; sni { hostnames «"*"»; cert-file "c"; key-file "k" })"),
       "\"*\" is no name that clients ask for",
       "write a host name, or \"*.\" before one: \"www.example\" \"*.example\""},
      {in_tls(R"(cert-file "c"; key-file "k"; sni { hostnames «"1.2.3.4"»; cert-file "c"; key-file "k" })"),
       "\"1.2.3.4\" is no name that clients ask for",
       "write a host name, or \"*.\" before one: \"www.example\" \"*.example\""},
      {in_tls(R"(cert-file "c"; key-file "k"; min-version "1.3"; «max-version» "1.2")"),
       "\"max-version\" is below \"min-version\"", "exchange them"},
      {in_tls(R"(cert-file "c"; key-file "k"; min-version «"1.1"»)"), "\"1.1\" is no value of \"min-version\"",
       "did you mean \"1.2\"?"},
      {in_tls(R"(cert-file "c"; key-file "k"; «client-auth» #true)"),
       "nothing says who may have signed clients' certificates", "add ca-file with the PEM file of their CA"},
      {in_tls(R"(cert-file "c"; key-file "k"; ca-file "ca"; client-auth «"always"»)"),
       "\"always\" is no value of \"client-auth\"", "known: \"optional\""},
      {in_tls(R"(cert-file "c"; key-file "k"; «ca-file» "ca")"),
       "\"ca-file\" has no effect: clients are asked for no certificate",
       "add client-auth #true or client-auth \"optional\", or remove it"},
      {"listeners { listener \"b\" { address \"127.0.0.1:1\"; max-concurrent-streams «0» } }",
       "\"max-concurrent-streams\" can't be 0", "it is from 1 to 1000"},
      {"listeners { listener \"b\" { address \"127.0.0.1:1\" }\n listener «\"b\"» { address \"127.0.0.1:2\" } }",
       "there are two listeners \"b\"", "the first is at DIR/gateway.kdl:1"},
      {"listeners { listener \"b\" { address \"127.0.0.1:1\" }\n listener \"c\" { address «\"127.0.0.1:1\"» } }",
       "this address is taken", "it is first used at DIR/gateway.kdl:1"},
      {"listeners { listener \"b\" { address \"127.0.0.1:1\" } }\nobservability { metrics { address «\"127.0.0.1:1\"» "
       "} }",
       "this address is taken", "it is first used at DIR/gateway.kdl:1"},
      {"«listeners» { }", "\"listeners\" has no \"listener\"", "add listener \"web\" { address \"127.0.0.1:8080\" }"},
  };
  expect_each(cases, "",
              "\nupstreams { upstream \"app\" { target \"127.0.0.1:9000\" } }\nroutes { route \"all\" { upstream "
              "\"app\" } }\n");
}

TEST_F(Errors, InUpstreams) {
  const Case cases[] = {
      {"«upstream» \"b\" { }", "upstream \"b\" has no \"target\"", "add target \"127.0.0.1:9000\""},
      {"upstream \"b\" { target «\"http://a:1\"» }", "\"http://a:1\" is a URL, not an address",
       "write it without http://"},
      {"upstream \"b\" { target \"a:1\" weight=«0» }", "\"weight\" can't be 0", "it is from 1 to 1000"},
      {"upstream \"b\" { target \"a:1\" «wieght»=1 }", "\"wieght\" is not known in target \"a:1\"",
       "did you mean \"weight\"?"},
      {"upstream \"b\" { target \"a:1\"; target «\"a:1\"» }", "the target \"a:1\" is named twice",
       "give it a weight instead"},
      {"upstream \"b\" { target \"a:1\"; load-balancing «\"health_based\"» }",
       "\"health_based\" is not supported yet as \"load-balancing\"",
       "known: \"round_robin\", \"least_connections\", \"random\", \"p2c\", \"ip_hash\", \"consistent_hash\""},
      {"upstream \"b\" { target \"a:1\"; load-balancing \"random\" «by»=\"header x\" }", "\"by\" has no effect here",
       "it goes with \"consistent_hash\"; remove it"},
      {"upstream \"b\" { target \"a:1\"; load-balancing \"consistent_hash\" by=«\"x-user\"» }",
       "\"x-user\" does not say what a request goes by", "write \"header NAME\" or \"cookie NAME\""},
      {"upstream \"b\" { target \"unix:/s\"; target «\"unix:/s\"» }", "the target \"unix:/s\" is named twice",
       "give it a weight instead"},
      {"upstream \"b\" { target \"unix:/s\"; «tls» { } }",
       "a Unix socket has no name that a certificate could be looked at for",
       "add sni \"NAME\" with the name in its certificate, or remove tls { }"},
      {"upstream \"b\" { target \"a:1\"; «tls» { client-key \"k.pem\" } }",
       "a client certificate and its key go together", "write both client-cert and client-key"},
      {"upstream \"b\" { target \"a:1\"; «tls» { ca-cert \"ca.pem\"; insecure-skip-verify #true } }",
       "\"ca-cert\" contradicts \"insecure-skip-verify\": nobody's certificate is looked at",
       "keep ca-cert, which is safe, and remove the other"},
      {"upstream \"b\" { target \"a:1\"; tls { sni «\"a:1\"» } }", "\"a:1\" is no host name",
       "write the name in the upstream's certificate, without port"},
      {"upstream \"b\" { target \"a:1\"; «http-version» { min-version 2; max-version 1 } }",
       "\"min-version\" is over \"max-version\"", "write the same version twice, or remove one"},
      {"upstream \"b\" { target \"a:1\"; http-version { max-version «3» } }", "\"max-version\" can't be 3",
       "it is from 1 to 2"},
      {"upstream \"b\" { target \"a:1\"; «health-check» { } }", "\"health-check\" has no \"type\"",
       "add type \"http\""},
      {"upstream \"b\" { target \"a:1\"; «health-check» { type \"grpc\" } }", "a check of \"grpc\" needs HTTP/2",
       "add http-version { min-version 2 }"},
      {"upstream \"b\" { target \"a:1\"; http-version { }; «health-check» { type \"grpc\" } }",
       "a check of \"grpc\" needs HTTP/2", "add http-version { min-version 2 }"},
      {"upstream \"b\" { target \"a:1\"; health-check { «type» \"tcp\" { path \"/\" } } }",
       "only a check of \"http\" has keys", "remove { }"},
      {"upstream \"b\" { target \"a:1\"; health-check { type \"http\" { path «\"health\"» } } }",
       "\"health\" is no path that can be asked for", "write a path without blanks: \"/health\""},
      {"upstream \"b\" { target \"a:1\"; timeouts { connect «0» } }", "\"connect\" can't be 0",
       "it is from 1 to 3600 s"},
      {"upstream «\"app\"» { target \"a:1\" }", "there are two upstreams \"app\"", "the first is at DIR/gateway.kdl:1"},
  };
  expect_each(cases, "upstreams { upstream \"app\" { target \"127.0.0.1:9000\" }\n",
              "}\nlisteners { listener \"web\" { address \"127.0.0.1:8080\" } }\nroutes { route \"all\" { upstream "
              "\"app\" } }\n");
}

TEST_F(Errors, InFilters) {
  const Case cases[] = {
      {"«filter» \"b\" { agent \"a\" }", "filter \"b\" has no \"type\"", "add type \"agent\""},
      {"«filter» \"b\" { type \"agent\" }", "filter \"b\" has no \"agent\"", "add agent with the id of one"},
      {"filter \"b\" { type «\"lua\"»; agent \"a\" }", "\"lua\" is no value of \"type\"", "known: \"agent\""},
      {"filter \"b\" { type \"agent\"; agent «\"aa\"» }", "there is no agent \"aa\"", "did you mean \"a\"?"},
      {"filter \"b\" { type \"agent\"; agent «\"zzz\"» }", "there is no agent \"zzz\"", "known: \"a\""},
      {"filter \"b\" { type \"agent\"; agent \"a\"; timeout-ms «0» }", "\"timeout-ms\" can't be 0",
       "it is from 1 to 3600000 ms"},
      {"filter \"b\" { type \"agent\"; agent \"a\"; failure-mode «\"shut\"» }",
       "\"shut\" is no value of \"failure-mode\"", "known: \"closed\", \"open\""},
  };
  expect_each(cases, "agents { agent \"a\" { binary-uds \"/a\" } }\nfilters { ", std::string("}") + std::string(rest));
}

/// A file up to its first route; "}" ends it.
constexpr std::string_view routes_begin =
    "agents { agent \"a\" { binary-uds \"/a\" }; "
    "agent \"g\" { binary-uds \"/g\"; events \"guardrail\"; max-response-body-bytes 600 } }\n"
    "filters { filter \"f\" { type \"agent\"; agent \"a\" }; filter \"g\" { type \"agent\"; agent \"a\" } }\n"
    "listeners { listener \"web\" { address \"127.0.0.1:8080\" } }\n"
    "upstreams { upstream \"app\" { target \"127.0.0.1:9000\" } }\n"
    "routes { route \"all\" { upstream \"app\" }\n";

TEST_F(Errors, InRoutes) {
  const Case cases[] = {
      {"«route» \"b\" { matches { path-prefix \"/b\" } }", "route \"b\" has no \"upstream\"",
       "add upstream with the id of one, or respond with a status and a text"},
      {"route \"b\" { matches { path-prefix \"/b\" }; upstream «\"app\"»; respond 200 \"x\" }",
       "route \"b\" has both \"upstream\" and \"respond\"", "keep the one that is to answer"},
      {"route \"b\" { matches { path-prefix \"/b\" }; respond «99» \"x\" }", "\"respond\" can't be 99",
       "it is from 200 to 599"},
      {"route \"b\" { matches { path-prefix \"/b\" }; «respond» 200 \"x\" \"y\" }", "respond takes a status and a text",
       "write: respond 200 \"ok\\n\""},
      {"route \"b\" { matches { path-prefix \"/b\" }; upstream «\"ap\"» }", "there is no upstream \"ap\"",
       "did you mean \"app\"?"},
      {"route \"b\" { matches { path-prefix \"/b\" }; upstream \"app\"; filters \"f\" «\"h\"» }",
       "there is no filter \"h\"", "known: \"f\", \"g\""},
      {"route \"b\" { matches { path-prefix \"/b\" }; upstream \"app\"; filters \"f\" «\"f\"» }",
       "the filter \"f\" is named twice", "remove one"},
      {"route \"b\" { matches { path-prefix \"/b\" }; upstream \"app\"; filters \"f\" «\"g\"» }",
       "the filters \"f\" and \"g\" ask the same agent, \"a\"", "a route asks an agent once: remove one of them"},
  };
  expect_each(cases, routes_begin, "\n}\n");
}

TEST_F(Errors, InWhatRoutesMatch) {
  const Case cases[] = {
      {"route \"b\" { matches { path-prefix «\"b\"» }; upstream \"app\" }", "a path begins with \"/\"", "write \"/b\""},
      {"route \"b\" { matches { path-prefix «\"/b?x\"» }; upstream \"app\" }", "a path has no \"?\" or \"#\"",
       "routes are chosen by the path alone, without the query"},
      {"route \"b\" { matches { path-prefix «\"/b%2f\"» }; upstream \"app\" }",
       "\"/b%2f\" can be spelt in several ways",
       "name the part before it: letters, digits and -._~!$&'()*+,=:@ without \"//\", \"/.\" and \"/..\" have one "
       "spelling"},
      {"route \"b\" { matches { host «\"a:80\"» }; upstream \"app\" }", "\"a:80\" is not a host name",
       "write one name without port, for example \"app.example\" or \"*.example\""},
      {"route \"b\" { matches { host «\"*.127.0.0.1\"» }; upstream \"app\" }", "\"*.127.0.0.1\" is not a host name",
       "write one name without port, for example \"app.example\" or \"*.example\""},
      {"route \"b\" { matches { host «\"a.*\"» }; upstream \"app\" }", "\"a.*\" is not a host name",
       "write one name without port, for example \"app.example\" or \"*.example\""},
      {"route \"b\" { matches { method «\"get\"» }; upstream \"app\" }", "\"get\" is not a method",
       "methods are in upper case: \"GET\" \"POST\""},
      {"route \"b\" { matches { method \"GET\" «\"GET\"» }; upstream \"app\" }", "the method \"GET\" is named twice",
       "remove one"},
      {"route \"b\" { matches { «path» \"/b\"; path-prefix \"/b\" }; upstream \"app\" }",
       "matches has both \"path\" and \"path-prefix\"", "keep one"},
      {"route \"b\" { matches { «header» \"x-a\" }; upstream \"app\" }", "header takes a name and a value",
       "write: header \"x-tier\" \"gold\""},
      {"route \"b\" { matches { «header» \"x a\" \"1\" }; upstream \"app\" }", "\"x a\" is not a header name",
       "a name has letters, digits and !#$%&'*+-.^_`|~"},
      {"route \"b\" { matches { «header» \"connection\" \"close\" }; upstream \"app\" }",
       "\"connection\" concerns one connection, not a request", "choose by another header"},
      {"route \"b\" { matches { «query» \"a\" \"1\" \"2\" }; upstream \"app\" }", "query takes a name and a value",
       "write: query \"beta\" \"1\""},
  };
  expect_each(cases, routes_begin, "\n}\n");
}

TEST_F(Errors, InWhatRoutesDo) {
  const Case cases[] = {
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; request-headers { «set» \"x-a\" } }",
       "set takes a name and a value", "write: set \"x-tier\" \"gold\""},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; response-headers { «remove» \"Content-Length\" } }",
       "the header \"Content-Length\" is the connection's own",
       "each connection has its framing and its hop; remove the line"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; request-headers { «add» \"Host\" \"c\" } }",
       "add would make a Host that is none", "write: set \"host\" \"app.example\", or with a port"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; request-headers { «set» \"host\" \"a b\" } }",
       "set would make a Host that is none", "write: set \"host\" \"app.example\", or with a port"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; request-headers { «remove» \"host\" } }",
       "remove would make a Host that is none", "write: set \"host\" \"app.example\", or with a port"},
      {"route \"b\" { matches { «header» \"Host\" \"c\" }; upstream \"app\" }", "the host has a key of its own",
       "write: host \"c\""},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; response-headers { «put» \"a\" \"b\" } }",
       "\"put\" is not known in \"response-headers\"", "known: \"set\", \"add\", \"remove\""},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; limits { max-body-size-bytes «0» } }",
       "\"max-body-size-bytes\" can't be 0", "it is from 1 to 1099511627776 bytes"},
      {"route \"b\" { matches { «pathprefix» \"/b\" }; upstream \"app\" }",
       "\"pathprefix\" is not known in \"matches\"", "did you mean \"path-prefix\"?"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; «websocket-inspection» #true }",
       "\"websocket-inspection\" has no effect here: no request switches to WebSocket",
       "add websocket #true, or remove it"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; «websocket-idle-secs» 5 }",
       "\"websocket-idle-secs\" has no effect here: no request switches to WebSocket",
       "add websocket #true, or remove it"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; websocket #true; websocket-idle-secs «0» }",
       "\"websocket-idle-secs\" can't be 0", "it is from 1 to 86400 s"},
      {"«route» \"b\" { matches { host \"b\" }; upstream \"app\"; websocket #true; websocket-inspection #true }",
       "no agent of route \"b\" looks at WebSocket frames",
       "add \"websocket_frame\" to the events of one, or remove websocket-inspection"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; websocket «\"yes\"» }",
       "\"websocket\" takes #true or #false, not \"yes\"", "write #true or #false, without quotes"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; guardrail { agent «\"gg\"» } }",
       "there is no agent \"gg\"", "did you mean \"g\"?"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; guardrail { agent «\"a\"» } }",
       "agent \"a\" is not asked about texts", "add \"guardrail\" to its events"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; guardrail { agent \"g\"; prompt «\"drop\"» } }",
       "\"drop\" is no value of \"prompt\"", "known: \"block\", \"redact\", \"log\", \"off\""},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; guardrail { agent \"g\"; window «5» } }",
       "\"window\" can't be 5", "it is from 16 to 65536 bytes"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; «guardrail» { agent \"g\"; window 700 } }",
       "700 bytes of a text are to stay held, and fewer may be",
       "lower window, or raise max-request-body-bytes and max-response-body-bytes of the agent"},
      {"route \"b\" { matches { host \"b\" }; respond 200 \"x\"; «guardrail» { agent \"g\"; window 16 } }",
       "\"guardrail\" has no effect beside \"respond\"", "remove one of them"},
      {"route \"b\" { matches { host \"b\" }; upstream \"app\"; websocket #true; «guardrail» { agent \"g\"; window 16 "
       "} }",
       "what passes through a WebSocket would go past the guardrail",
       "add websocket-inspection #true, or give WebSockets a route of their own"},
      {"route «\"all\"» { matches { path-prefix \"/b\" }; upstream \"app\" }", "there are two routes \"all\"",
       "the first is at DIR/gateway.kdl:5"},
      {"route «\"b\"» { matches { path-prefix \"/\" }; upstream \"app\" }",
       "route \"b\" can never be taken: route \"all\" matches the same requests", "the first is at DIR/gateway.kdl:5"},
  };
  expect_each(cases, routes_begin, "\n}\n");
}

TEST_F(Errors, ReferenceToAKindThatHasNoneSaysHowToDefineOne) {
  const Case cases[] = {{"routes { route \"r\" { upstream «\"app\"» } }", "there is no upstream \"app\"",
                         "no upstream is defined: add upstreams { upstream \"app\" { … } }"}};
  expect_each(cases, "listeners { listener \"web\" { address \"127.0.0.1:8080\" } }\n", "");
}

TEST_F(Errors, EmptyFileLacksListenersAndRoutes) {
  const Loaded loaded = load(folder_.write("gateway.kdl", "// nothing\n"), testing::variables({}));
  ASSERT_FALSE(loaded.has_value());
  ASSERT_EQ(loaded.error().size(), 2U);
  EXPECT_EQ(loaded.error()[0].message, "the configuration has no \"listeners\"");
  EXPECT_EQ(loaded.error()[0].hint, "add listeners { listener \"web\" { address \"127.0.0.1:8080\" } }");
  EXPECT_EQ(loaded.error()[1].message, "the configuration has no \"routes\"");
  EXPECT_EQ(loaded.error()[1].line, 1U);
}

TEST_F(Errors, SyntaxErrorHidesWhatWouldOnlySeemToBeMissing) {
  const Loaded loaded = load(folder_.write("gateway.kdl",
                                           "listeners { listener \"web\" { address 1x } }\nroutes { route \"r\" { "
                                           "upstream \"gone\"; filters \"none\"; bogus 1 } }"),
                             testing::variables({}));
  ASSERT_FALSE(loaded.has_value());
  ASSERT_EQ(loaded.error().size(), 2U);
  EXPECT_EQ(loaded.error()[0].message, "\"1x\" is not a number: \"x\" does not belong to a number");
  EXPECT_EQ(loaded.error()[1].message, "\"bogus\" is not known in route \"r\"");
}

TEST_F(Errors, OfIncludedFilesNameThatFileAndDuplicatesAcrossFilesAreFound) {
  folder_.write("part.kdl", "\nlimits { max-header-count 5 }\nagents { agent \"a\" { binary-uds \"/b\" } }");
  const auto file =
      folder_.write("gateway.kdl", std::string(rest) +
                                       "limits { max-header-count 6 }\nagents { agent \"a\" { binary-uds \"/a\" } }\n"
                                       "include \"part.kdl\"\n");
  const Loaded loaded = load(file, testing::variables({}));
  ASSERT_FALSE(loaded.has_value());
  ASSERT_EQ(loaded.error().size(), 2U);
  const Diagnostic& first = loaded.error()[0];
  EXPECT_EQ(first.file, (folder_.path() / "part.kdl").string());
  EXPECT_EQ(first.line, 2U);
  EXPECT_EQ(first.message, "\"max-header-count\" is given twice in \"limits\"");
  EXPECT_EQ(first.hint, "first at " + file.string() + ":5");
  EXPECT_EQ(loaded.error()[1].message, "there are two agents \"a\"");
  EXPECT_EQ(loaded.error()[1].hint, "the first is at " + file.string() + ":6");
}

/// A file with many errors, and what is said of it, are beside this test.
TEST_F(Errors, OfOneFileAreAllToldAtOnceAndInOrder) {
  const std::string data = std::string(PICKET_SOURCE_DIR) + "/apps/gateway/config/testing/";
  const auto read = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto file = folder_.write("many_errors.kdl", read(data + "many_errors.kdl"));
  const Loaded loaded = load(file, testing::variables({}));
  ASSERT_FALSE(loaded.has_value());
  std::string told;
  for (const Diagnostic& diagnostic : loaded.error()) told += render(diagnostic, false);
  const std::string prefix = folder_.path().string() + "/";
  for (std::size_t at = told.find(prefix); at != std::string::npos; at = told.find(prefix))
    told.erase(at, prefix.size());
  EXPECT_EQ(told, read(data + "many_errors.txt"));
}

}  // namespace
}  // namespace picket::apps::gateway::config
