#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/network.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"

/// The tables of where clients connect.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

void read_listener_address(Reader& reader, const Setting& setting, ListenerDraft& out) {
  auto address = reader.listen_address(setting);
  if (!address) return;
  out.listener.host = std::move(address->host);
  out.listener.port = address->port;
  out.address = setting.value->at;
}

constexpr Word protocols[] = {{"http", static_cast<int>(Protocol::http)},
                              {"https", static_cast<int>(Protocol::https)},
                              {"h2c", static_cast<int>(Protocol::h2c)}};

void read_trusted_proxies(Reader& reader, const kdl::Node& node, ListenerDraft& out) {
  for (const kdl::Name& text : reader.texts(node)) {
    auto network = Network::parse(text.text);
    if (!network) {
      reader.report(text.at, network.error().message, network.error().hint);
    } else {
      out.listener.trusted_proxies.push_back(*network);
    }
  }
}

// ---- TLS

/// An exact name, or "*." before one: as certificates have them.
bool is_certificate_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  return is_host(name) && !is_ip_address(name) && !name.starts_with('[');
}

void read_hostnames(Reader& reader, const kdl::Node& node, Sni& out) {
  for (const kdl::Name& name : reader.texts(node)) {
    if (is_certificate_name(name.text)) {
      out.hostnames.push_back(name.text);
    } else {
      reader.report(name.at, fmt::format("\"{}\" is no name that clients ask for", name.text),
                    "write a host name, or \"*.\" before one: \"www.example\" \"*.example\"");
    }
  }
}

constexpr auto of_name = &Sni::certificate;
constexpr Key<Sni> sni_keys[] = {
    {{"hostnames", required, "hostnames \"www.example\""}, NodeRule<Sni>{read_hostnames}},
    {{"cert-file", required, "cert-file \"www.pem\""}, ValueRule<Sni>{read_file<of_name, &Certificate::cert_file>}},
    {{"key-file", required, "key-file \"www.key\""}, ValueRule<Sni>{read_file<of_name, &Certificate::key_file>}},
    {{"ocsp-file"}, ValueRule<Sni>{read_file<of_name, &Certificate::ocsp_file>}},
};

void read_sni(Reader& reader, const kdl::Node& node, ListenerTls& out) {
  if (!reader.check(node, {.block = Shape::Braces::required})) return;
  Sni read;
  reader.block(block_of(node), sni(), read);
  out.sni.push_back(std::move(read));
}

constexpr Word versions[] = {{"1.2", static_cast<int>(TlsVersion::v1_2)}, {"1.3", static_cast<int>(TlsVersion::v1_3)}};

void read_cipher_suite(Reader& reader, const Setting& setting, ListenerTls& out) {
  if (auto text = reader.text(setting)) out.cipher_suite = std::move(*text);
}

constexpr Word asking[] = {{"optional", static_cast<int>(ClientAuth::optional)}};

/// #true, #false or a word between them.
void read_client_auth(Reader& reader, const Setting& setting, ListenerTls& out) {
  if (setting.value->get<kdl::String>() != nullptr) {
    if (const auto word = reader.choice(setting, asking)) out.client_auth = static_cast<ClientAuth>(*word);
  } else if (const auto wanted = reader.boolean(setting)) {
    out.client_auth = *wanted ? ClientAuth::required : ClientAuth::off;
  }
}

constexpr auto of_all = &ListenerTls::certificate;
constexpr Key<ListenerTls> listener_tls_keys[] = {
    {{"cert-file", required, "cert-file \"site.pem\""},
     ValueRule<ListenerTls>{read_file<of_all, &Certificate::cert_file>}},
    {{"key-file", required, "key-file \"site.key\""},
     ValueRule<ListenerTls>{read_file<of_all, &Certificate::key_file>}},
    {{"ocsp-file"}, ValueRule<ListenerTls>{read_file<of_all, &Certificate::ocsp_file>}},
    {{"sni", many}, NodeRule<ListenerTls>{read_sni}},
    {{"min-version"}, choice<&ListenerTls::min_version>(versions)},
    {{"max-version"}, choice<&ListenerTls::max_version>(versions)},
    {{"cipher-suite"}, ValueRule<ListenerTls>{read_cipher_suite}},
    {{"ca-file"}, ValueRule<ListenerTls>{read_file<&ListenerTls::ca_file>}},
    {{"client-auth"}, ValueRule<ListenerTls>{read_client_auth}},
    {{"session-resumption"}, boolean<&ListenerTls::session_resumption>()},
};

void check_tls(Reader& reader, const Block& block, const ListenerTls& tls) {
  const auto place = [&](std::string_view key) -> const kdl::Span& {
    const auto found = std::ranges::find_if(block.nodes, [&](const auto* node) { return node->name.text == key; });
    return found == block.nodes.end() ? block.at : (*found)->name.at;
  };
  if (tls.min_version > tls.max_version)
    reader.report(place("max-version"), "\"max-version\" is below \"min-version\"", "exchange them");
  if (tls.client_auth != ClientAuth::off && tls.ca_file.empty() && reader.complete())
    reader.report(place("client-auth"), "nothing says who may have signed clients' certificates",
                  "add ca-file with the PEM file of their CA");
  if (tls.client_auth == ClientAuth::off && !tls.ca_file.empty())
    reader.report(place("ca-file"), "\"ca-file\" has no effect: clients are asked for no certificate",
                  "add client-auth #true or client-auth \"optional\", or remove it");
}

void read_tls(Reader& reader, const Block& block, ListenerDraft& out) {
  ListenerTls& tls = out.listener.tls.emplace();
  const std::size_t problems = reader.problems();
  reader.block(block, listener_tls(), tls);
  if (problems == reader.problems()) check_tls(reader, block, tls);
}

// ---- the listener

constexpr Key<ListenerDraft> listener_keys[] = {
    {{"address", required, "address \"127.0.0.1:8080\""}, ValueRule<ListenerDraft>{read_listener_address}},
    {{"protocol"}, choice<&ListenerDraft::listener, &Listener::protocol>(protocols)},
    {{"tls"}, BlockRule<ListenerDraft>{read_tls}},
    {{"trusted-proxies"}, NodeRule<ListenerDraft>{read_trusted_proxies}},
    {{"proxy-protocol"}, boolean<&ListenerDraft::listener, &Listener::proxy_protocol>()},
    {{"keepalive-timeout-secs"}, in_seconds<&ListenerDraft::listener, &Listener::keepalive_timeout>(3'600)},
    {{"request-timeout-secs"}, in_seconds<&ListenerDraft::listener, &Listener::request_timeout>(3'600)},
    {{"body-timeout-secs"}, in_seconds<&ListenerDraft::listener, &Listener::body_timeout>(3'600)},
    {{"keepalive-max-requests"}, number<&ListenerDraft::listener, &Listener::keepalive_max_requests>(1, 1'000'000'000)},
    {{"max-concurrent-streams"}, number<&ListenerDraft::listener, &Listener::max_concurrent_streams>(1, 1'000)},
};

/// Who has not said whom to trust would believe nobody.
void check_proxies(Reader& reader, const kdl::Node& node, const Listener& listener) {
  if (listener.proxy_protocol && listener.trusted_proxies.empty() && reader.complete())
    reader.report(child_of(node, "proxy-protocol")->name.at, "nothing says whose PROXY header is believed",
                  "add trusted-proxies with the addresses of your load balancers");
}

/// TLS is spoken where both say so.
void check_protocol(Reader& reader, const kdl::Node& node, const Listener& listener) {
  const kdl::Node* const protocol = child_of(node, "protocol");
  const kdl::Node* const tls = child_of(node, "tls");
  if (listener.protocol == Protocol::https && tls == nullptr && reader.complete())
    reader.report(protocol->name.at, "\"https\" needs a certificate",
                  "add tls { cert-file \"site.pem\"; key-file \"site.key\" }");
  if (listener.protocol == Protocol::http && tls != nullptr)
    reader.report(tls->name.at, "\"tls\" has no effect here: clients would be spoken to in clear",
                  "add protocol \"https\", or remove it");
}

void read_listener(Reader& reader, const kdl::Node& node, Draft& out) {
  ListenerDraft draft;
  const std::size_t problems = reader.problems();
  auto id = reader.entry(node, {}, listener(), Shape::Braces::required, draft);
  if (problems == reader.problems()) {
    check_protocol(reader, node, draft.listener);
    check_proxies(reader, node, draft.listener);
  }
  if (!id) return;
  draft.id = std::move(*id);
  draft.listener.id = draft.id.text;
  out.listeners.push_back(std::move(draft));
}

constexpr Key<Draft> listeners_keys[] = {
    {{"listener", at_least_one, "listener \"web\" { address \"127.0.0.1:8080\" }"}, NodeRule<Draft>{read_listener}}};

}  // namespace

Keys<Draft> listeners() { return listeners_keys; }
Keys<ListenerDraft> listener() { return listener_keys; }
Keys<ListenerTls> listener_tls() { return listener_tls_keys; }
Keys<Sni> sni() { return sni_keys; }

}  // namespace picket::apps::gateway::config::tables
