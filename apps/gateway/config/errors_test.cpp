#include "apps/gateway/config/testing/mistakes.hpp"

namespace picket::apps::gateway::config {
namespace {

using testing::agent_begin;
using testing::agent_end;
using testing::Case;
using testing::Errors;
using testing::in_tls;
using testing::rest;

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
      {"listeners { listener \"b\" { address \"0.0.0.0:1\" }\n listener \"c\" { address «\"[::]:1\"» } }",
       "this address is taken", "[::] takes in 0.0.0.0: leave one of them out, here or at DIR/gateway.kdl:1"},
      {"listeners { listener \"b\" { address \"0.0.0.0:1\" }\n listener \"c\" { address «\"127.0.0.1:1\"» } }",
       "this address is taken", "0.0.0.0 takes in 127.0.0.1: leave one of them out, here or at DIR/gateway.kdl:1"},
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
