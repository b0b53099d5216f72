#include "apps/gateway/config/testing/mistakes.hpp"

namespace picket::apps::gateway::config {
namespace {

using testing::Case;
using testing::Errors;

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

}  // namespace
}  // namespace picket::apps::gateway::config
