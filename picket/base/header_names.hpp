#pragma once

#include <string_view>

/// Names of header fields that agents and proxies often look for, in lower case as they are on the wire. A name that is
/// written here once is not misspelt where it is looked for: Headers::find() takes any text, and finds nothing.
///
/// Thread safety, lifetime: constants. Source: IANA's registry of field names; those with x- are customs of proxies.
///
/// Proxies keep to themselves what belongs to the client's hop: an agent looks in vain for `connection`,
/// `content_length` and `transfer_encoding` in an event, and an answer that sets one of them is a failure of the agent
/// (protocol.md §5).
///
///   if (const auto type = event.headers.find(base::header_names::content_type)) …
///   return Decision::allow().set_request_header(std::string{base::header_names::x_real_ip}, address);
namespace picket::base::header_names {

inline constexpr std::string_view accept = "accept";
inline constexpr std::string_view accept_encoding = "accept-encoding";
inline constexpr std::string_view accept_language = "accept-language";
inline constexpr std::string_view authorization = "authorization";
inline constexpr std::string_view cache_control = "cache-control";
// Hop-by-hop: names the other fields that end at the next hop (RFC 9110 §7.6.1).
inline constexpr std::string_view connection = "connection";
inline constexpr std::string_view content_length = "content-length";
inline constexpr std::string_view content_type = "content-type";
// A secret, as `authorization` is: it does not belong into a log or a reason.
inline constexpr std::string_view cookie = "cookie";
inline constexpr std::string_view date = "date";
inline constexpr std::string_view etag = "etag";
inline constexpr std::string_view host = "host";
inline constexpr std::string_view if_match = "if-match";
inline constexpr std::string_view if_modified_since = "if-modified-since";
inline constexpr std::string_view if_none_match = "if-none-match";
inline constexpr std::string_view last_modified = "last-modified";
inline constexpr std::string_view location = "location";
inline constexpr std::string_view origin = "origin";
inline constexpr std::string_view referer = "referer";
inline constexpr std::string_view server = "server";
// May stand several times, and its values must not be joined with commas (RFC 9110 §5.3).
inline constexpr std::string_view set_cookie = "set-cookie";
// Hop-by-hop, as `connection` is: it says where a message ends, and is the proxy's business alone.
inline constexpr std::string_view transfer_encoding = "transfer-encoding";
inline constexpr std::string_view user_agent = "user-agent";
inline constexpr std::string_view vary = "vary";
// From here on nobody vouches for a value that came with the request: any client can send these, unless the proxy puts
// its own in their place.
inline constexpr std::string_view x_correlation_id = "x-correlation-id";
inline constexpr std::string_view x_forwarded_for = "x-forwarded-for";
inline constexpr std::string_view x_forwarded_host = "x-forwarded-host";
inline constexpr std::string_view x_forwarded_proto = "x-forwarded-proto";
inline constexpr std::string_view x_real_ip = "x-real-ip";
inline constexpr std::string_view x_request_id = "x-request-id";
inline constexpr std::string_view x_span_id = "x-span-id";
inline constexpr std::string_view x_trace_id = "x-trace-id";

}  // namespace picket::base::header_names
