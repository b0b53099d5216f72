#include "apps/gateway/exchange/forwarded_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "picket/http/authority.hpp"
#include "picket/http/target.hpp"

namespace picket::apps::gateway::exchange {
namespace {

/// Names that are looked for in every field of every request. The length and the first letter tell most others apart.
template <std::size_t count>
class NameTable {
 public:
  consteval explicit NameTable(const std::array<std::string_view, count>& names) : names_(names) {
    for (const auto name : names) {
      lengths_ |= bit(name.size());
      letters_ |= letter(name.front());
    }
  }

  /// In any spelling.
  [[nodiscard]] bool has(std::string_view name) const noexcept {
    if (name.empty() || name.size() >= 64 || (lengths_ & bit(name.size())) == 0) return false;
    if ((letters_ & letter(name.front())) == 0) return false;
    return std::ranges::any_of(names_, [&](std::string_view other) { return http::same_spelling(name, other); });
  }

 private:
  static constexpr std::uint64_t bit(std::size_t number) noexcept { return std::uint64_t{1} << number; }
  /// In either case: the lower five bits of a letter are its place in the alphabet.
  static constexpr std::uint64_t letter(char c) noexcept { return bit(static_cast<unsigned char>(c) % 32); }

  std::array<std::string_view, count> names_;
  std::uint64_t lengths_ = 0;
  std::uint64_t letters_ = 0;
};

/// What is told of a client's certificate. Whoever has none, or speaks in clear, must not be able to tell it.
constexpr std::array<std::string_view, 5> client_certificate_names{"x-client-cert-verified", "x-client-cert-subject",
                                                                   "x-client-cert-issuer", "x-client-cert-serial",
                                                                   "x-client-cert-fingerprint"};

/// Which fields of a request go on, and how.
class Sieve {
 public:
  Sieve(const ForwardingTerms& terms, bool is_trusted) : terms_(terms), is_trusted_(is_trusted) {}

  [[nodiscard]] bool lets_through(std::string_view name) const noexcept {
    if (is_framing(name)) return true;
    if (!terms_.underscores_in_headers && name.find('_') != std::string_view::npos) return false;
    return !http::stays_on_its_hop(name) && !is_set_here(name);
  }

 private:
  /// What says whom a request is from is the gateway's to say. Of a proxy that is trusted, what it says beyond that
  /// (X-Forwarded-Port, X-Forwarded-User, …) goes on.
  [[nodiscard]] bool is_set_here(std::string_view name) const noexcept {
    constexpr std::array<std::string_view, 6> own{"forwarded",         "x-real-ip",        "x-forwarded-for",
                                                  "x-forwarded-proto", "x-forwarded-host", "x-request-id"};
    constexpr std::string_view family = "x-forwarded-";
    if (is_of_client_certificate(name)) return true;
    if (!is_trusted_ && (http::same_spelling(name.substr(0, family.size()), family) || is_another_target(name) ||
                         is_another_client(name)))
      return true;
    return std::ranges::any_of(own, [&](std::string_view other) { return http::same_spelling(name, other); });
  }

  [[nodiscard]] static bool is_of_client_certificate(std::string_view name) noexcept {
    static constexpr NameTable names{client_certificate_names};
    return names.has(name);
  }

  /// IIS, Symfony, Zend and others take the path from one of these, behind the route that was chosen by the target.
  [[nodiscard]] static bool is_another_target(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 5> targets{"x-original-url", "x-rewrite-url", "x-original-uri",
                                                      "x-override-url", "x-waws-unencoded-url"};
    return std::ranges::any_of(targets, [&](std::string_view other) { return http::same_spelling(name, other); });
  }

  /// What CDNs, load balancers and frameworks have called the client's address and the host that it asked, beside the
  /// names that are set here: applications still read them, and believe them.
  [[nodiscard]] static bool is_another_client(std::string_view name) noexcept {
    static constexpr NameTable names{std::array<std::string_view, 36>{"true-client-ip",
                                                                      "x-true-client-ip",
                                                                      "cf-connecting-ip",
                                                                      "cf-connecting-ipv6",
                                                                      "cf-pseudo-ipv4",
                                                                      "do-connecting-ip",
                                                                      "fastly-client-ip",
                                                                      "fly-client-ip",
                                                                      "incap-client-ip",
                                                                      "client-ip",
                                                                      "x-client-ip",
                                                                      "x-clientip",
                                                                      "x-cluster-client-ip",
                                                                      "x-proxyuser-ip",
                                                                      "x-remote-ip",
                                                                      "x-remote-addr",
                                                                      "x-originating-ip",
                                                                      "proxy-client-ip",
                                                                      "wl-proxy-client-ip",
                                                                      "x-original-forwarded-for",
                                                                      "forwarded-for",
                                                                      "forwarded-for-ip",
                                                                      "x-forwarded",
                                                                      "x-vercel-forwarded-for",
                                                                      "x-azure-clientip",
                                                                      "x-azure-socketip",
                                                                      "x-appengine-user-ip",
                                                                      "x-envoy-external-address",
                                                                      "x-sucuri-clientip",
                                                                      "x-nf-client-connection-ip",
                                                                      "cloudfront-viewer-address",
                                                                      "x-custom-ip-authorization",
                                                                      "x-host",
                                                                      "x-real-host",
                                                                      "x-original-host",
                                                                      "x-http-host-override"}};
    return names.has(name);
  }

  const ForwardingTerms& terms_;
  bool is_trusted_;
};

/// RFC 9112 §3.2.2: an absolute target's authority counts, and Host must be the same one. Which port is meant where
/// none is named is the scheme's.
void take_authority(ForwardedRequest& out, const http::RequestHead& request, base::Arena& arena) {
  const std::string_view absolute = http::authority_of(request.target);
  const auto host = request.headers.find("host");
  if (!absolute.empty() && host && !http::same_authority(absolute, *host, http::default_port(request.target)))
    out.refusal = "the target's authority is not the one of Host";
  out.authority = http::canonical_authority(host.value_or(absolute), arena);
  if (!host && !absolute.empty()) out.fields.push_back({"Host", out.authority});
}

/// Counts a hop; the value is a number of any length (RFC 9110 §7.6.2).
std::string_view one_hop_less(std::string_view value, ForwardedRequest& out, base::Arena& arena) {
  std::uint64_t hops = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), hops);
  if (value.empty() || error == std::errc::invalid_argument || end != value.data() + value.size()) {
    out.refusal = "Max-Forwards is no number";
    return value;
  }
  if (error == std::errc::result_out_of_range) hops = std::numeric_limits<std::uint64_t>::max();
  if (hops == 0) {
    out.ends_here = true;
    return value;
  }
  return arena.copy(fmt::format("{}", hops - 1));
}

/// Nothing where nobody was asked for one.
void add_client_certificate(ForwardedRequest& out, const transport::tls::Secured& tls) {
  if (!tls.asks_for_certificate) return;
  const auto& names = client_certificate_names;
  out.fields.push_back({names[0], tls.peer ? "true" : "false"});
  if (!tls.peer) return;
  out.fields.push_back({names[1], tls.peer->subject});
  out.fields.push_back({names[2], tls.peer->issuer});
  out.fields.push_back({names[3], tls.peer->serial});
  out.fields.push_back({names[4], tls.peer->fingerprint});
}

void add_own_fields(ForwardedRequest& out, std::string_view request_id) {
  out.fields.push_back({"X-Forwarded-For", out.origin.forwarded_for});
  out.fields.push_back({"X-Forwarded-Proto", out.origin.scheme});
  const std::string_view host = out.origin.host.empty() ? out.authority : out.origin.host;
  if (!host.empty()) out.fields.push_back({"X-Forwarded-Host", host});
  out.fields.push_back({"X-Real-IP", out.origin.address});
  out.fields.push_back({"X-Request-Id", request_id});
}

}  // namespace

bool is_framing(std::string_view name) noexcept {
  return base::same_name(name, "content-length") || base::same_name(name, "transfer-encoding");
}

bool may_come_behind(std::string_view name, bool underscores_in_headers) noexcept {
  const ForwardingTerms terms{
      .trusted_proxies = {}, .underscores_in_headers = underscores_in_headers, .request_id = {}};
  return Sieve{terms, false}.lets_through(name);
}

ForwardedRequest forward(const http::RequestHead& request, const downstream::Peer& peer, const ForwardingTerms& terms,
                         base::Arena& arena) {
  ForwardedRequest out{arena};
  out.origin = downstream::origin_of(peer, terms.trusted_proxies, request.headers, arena);
  out.method = request.method;
  out.target = http::origin_form(request.method, request.target, arena);
  out.fields.reserve(request.headers.size() + 6 + client_certificate_names.size());
  take_authority(out, request, arena);
  const bool counts_hops = request.method == "OPTIONS" || request.method == "TRACE";
  const Sieve sieve{terms, out.origin.is_forwarded};
  for (const auto& field : request.headers) {
    if (!sieve.lets_through(field.name)) continue;
    out.fields.push_back(field);
    if (base::same_name(field.name, "host")) out.fields.back().value = out.authority;
    if (counts_hops && base::same_name(field.name, "max-forwards"))
      out.fields.back().value = one_hop_less(field.value, out, arena);
  }
  add_own_fields(out, terms.request_id);
  if (peer.tls) add_client_certificate(out, *peer.tls);
  return out;
}

}  // namespace picket::apps::gateway::exchange
