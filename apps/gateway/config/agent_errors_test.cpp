#include "apps/gateway/config/testing/mistakes.hpp"

namespace picket::apps::gateway::config {
namespace {

using testing::agent_begin;
using testing::agent_end;
using testing::Case;
using testing::Errors;
using testing::rest;

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
       "remove hedge, or all events but request_headers, guardrail and request_complete"},
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

}  // namespace
}  // namespace picket::apps::gateway::config
