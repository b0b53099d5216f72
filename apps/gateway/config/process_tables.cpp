#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"
#include "picket/base/nearest.hpp"

/// The tables of what concerns the process as a whole.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

constexpr std::string_view dns_port = ":53";

void read_resolvers(Reader& reader, const kdl::Node& node, System& out) {
  for (const kdl::Name& server : reader.texts(node)) {
    const bool is_bare = !parse_address(server.text, Hosts::numbers) && is_ip_address(server.text);
    std::string text = is_bare ? in_brackets(server.text) + std::string{dns_port} : server.text;
    if (const auto address = parse_address(text, Hosts::numbers); !address) {
      reader.report(server.at, address.error().message, "write the address of a name server: \"127.0.0.1:53\"");
    } else {
      out.resolvers.push_back(std::move(text));
    }
  }
}

constexpr Key<System> system_keys[] = {
    {{"worker-threads"}, number<&System::worker_threads>(0, 1024)},
    {{"busy-polling"}, boolean<&System::busy_polling>()},
    {{"max-connections"}, number<&System::max_connections>(1, 10'000'000)},
    {{"graceful-shutdown-timeout-secs"}, in_seconds<&System::graceful_shutdown_timeout>(86'400)},
    {{"graceful-upgrade-timeout-secs"}, in_seconds<&System::graceful_upgrade_timeout>(604'800)},
    {{"resolvers"}, NodeRule<System>{read_resolvers}},
    {{"pid-file"}, ValueRule<System>{read_file<&System::pid_file>}},
};

constexpr Key<Limits> limits_keys[] = {
    {{"max-header-size-bytes"}, number<&Limits::max_header_size>(1'024, 1'048'576, "bytes")},
    {{"max-header-count"}, number<&Limits::max_header_count>(1, 10'000)},
    {{"max-body-size-bytes"}, number<&Limits::max_body_size>(1, 1'099'511'627'776, "bytes")},
    {{"underscores-in-headers"}, boolean<&Limits::underscores_in_headers>()},
    {{"max-held-bytes"}, number<&Limits::max_held_size>(1'048'576, 1'099'511'627'776, "bytes")},
    {{"held-body-secs"}, in_seconds<&Limits::held_body_time>(86'400)},
    {{"half-closed-secs"}, in_seconds<&Limits::half_closed_time>(60, 0)},
    {{"max-connections-per-client"}, number<&Limits::max_connections_per_client>(0, 10'000'000)},
    {{"handshakes-per-second"}, number<&Limits::handshakes_per_second>(0, 1'000'000)},
    {{"max-websocket-message-bytes"}, number<&Limits::max_websocket_message>(1, 12'000'000, "bytes")},
};

void read_metrics_address(Reader& reader, const Setting& setting, MetricsDraft& out) {
  auto address = reader.listen_address(setting);
  if (!address) return;
  out.metrics.host = std::move(address->host);
  out.metrics.port = address->port;
  out.address = setting.value->at;
}

void read_metrics_path(Reader& reader, const Setting& setting, MetricsDraft& out) {
  auto text = reader.text(setting);
  if (!text) return;
  if (!text->starts_with('/'))
    return reader.report(setting.value->at, "a path begins with \"/\"", "write \"/metrics\"");
  out.metrics.path = std::move(*text);
}

constexpr Key<MetricsDraft> metrics_keys[] = {
    {{"address", required, "address \"127.0.0.1:9090\""}, ValueRule<MetricsDraft>{read_metrics_address}},
    {{"path"}, ValueRule<MetricsDraft>{read_metrics_path}},
    {{"agent-metrics"}, boolean<&MetricsDraft::metrics, &Observability::Metrics::agent_metrics>()},
};

constexpr Word levels[] = {
    {"trace", static_cast<int>(LogLevel::trace)}, {"debug", static_cast<int>(LogLevel::debug)},
    {"info", static_cast<int>(LogLevel::info)},   {"warn", static_cast<int>(LogLevel::warn)},
    {"error", static_cast<int>(LogLevel::error)},
};
constexpr Word formats[] = {
    {"text", static_cast<int>(LogFormat::text)},
    {"json", static_cast<int>(LogFormat::json)},
};
constexpr Key<Observability> logging_keys[] = {
    {{"level"}, choice<&Observability::log_level>(levels)},
    {{"format"}, choice<&Observability::log_format>(formats)},
};

constexpr Word access_formats[] = {{"json", static_cast<int>(AccessFormat::json)},
                                   {"combined", static_cast<int>(AccessFormat::combined)}};

/// Their names have underscores, in the log too; here, as everywhere, dashes will do.
void read_access_fields(Reader& reader, const kdl::Node& node, Observability& out) {
  for (const kdl::Name& name : reader.texts(node)) {
    std::string text = name.text;
    std::ranges::replace(text, '-', '_');
    const auto found = std::ranges::find(access_field_names, text);
    const auto field = static_cast<AccessField>(found - access_field_names.begin());
    if (found == access_field_names.end()) {
      const std::vector<std::string_view> known{access_field_names.begin(), access_field_names.end()};
      reader.report(name.at, fmt::format("\"{}\" is no field of the access log", name.text),
                    base::suggest(text, known));
    } else if (std::ranges::find(out.access_fields, field) != out.access_fields.end()) {
      reader.report(name.at, fmt::format("the field \"{}\" is named twice", name.text), "remove one");
    } else {
      out.access_fields.push_back(field);
    }
  }
}

constexpr Key<Observability> access_log_keys[] = {
    {{"file", required, "file \"access.jsonl\""}, ValueRule<Observability>{read_file<&Observability::access_log>}},
    {{"format"}, choice<&Observability::access_format>(access_formats)},
    {{"fields"}, NodeRule<Observability>{read_access_fields}},
};
constexpr Key<Observability> audit_keys[] = {
    {{"file", required, "file \"audit.jsonl\""}, ValueRule<Observability>{read_file<&Observability::audit_log>}},
    {{"format", unsupported}, {}},
    {{"fields", unsupported}, {}},
};

void read_metrics(Reader& reader, const Block& block, ObservabilityDraft& out) {
  MetricsDraft draft;
  reader.block(block, metrics(), draft);
  out.observability.metrics = std::move(draft.metrics);
  out.metrics_address = draft.address;
}

void read_logging(Reader& reader, const Block& block, ObservabilityDraft& out) {
  reader.block(block, logging(), out.observability);
}

void read_access_log(Reader& reader, const Block& block, ObservabilityDraft& out) {
  reader.block(block, access_log(), out.observability);
  const auto fields = std::ranges::find_if(block.nodes, [](const auto* node) { return node->name.text == "fields"; });
  if (fields != block.nodes.end() && out.observability.access_format == AccessFormat::combined)
    reader.report((*fields)->name.at, "\"fields\" has no effect here: \"combined\" has its own",
                  "remove it, or write format \"json\"");
}

void read_audit(Reader& reader, const Block& block, ObservabilityDraft& out) {
  reader.block(block, audit(), out.observability);
}

constexpr Key<ObservabilityDraft> observability_keys[] = {
    {{"metrics"}, BlockRule<ObservabilityDraft>{read_metrics}},
    {{"logging"}, BlockRule<ObservabilityDraft>{read_logging}},
    {{"access-log"}, BlockRule<ObservabilityDraft>{read_access_log}},
    {{"audit"}, BlockRule<ObservabilityDraft>{read_audit}},
    {{"tracing", unsupported}, {}},
};

/// A top-level block that fills one member of the draft by one table.
template <auto Member, auto Table>
void read_member(Reader& reader, const Block& block, Draft& out) {
  reader.block(block, Table(), out.*Member);
}
/// A top-level block of entries, whose table fills the draft's lists.
template <auto Table>
void read_list(Reader& reader, const Block& block, Draft& out) {
  reader.block(block, Table(), out);
}

constexpr Key<Draft> document_keys[] = {
    {{"system"}, BlockRule<Draft>{read_member<&Draft::system, system>}},
    {{"listeners", required, "listeners { listener \"web\" { address \"127.0.0.1:8080\" } }"},
     BlockRule<Draft>{read_list<listeners>}},
    {{"agents"}, BlockRule<Draft>{read_list<agents>}},
    {{"filters"}, BlockRule<Draft>{read_list<filters>}},
    {{"upstreams"}, BlockRule<Draft>{read_list<upstreams>}},
    {{"routes", required, "routes { route \"all\" { matches { path-prefix \"/\" }; upstream \"app\" } }"},
     BlockRule<Draft>{read_list<routes>}},
    {{"limits"}, BlockRule<Draft>{read_member<&Draft::limits, limits>}},
    {{"observability"}, BlockRule<Draft>{read_member<&Draft::observability, observability>}},
    {{"include"}, NoRule{}},
    {{"reverse-listener"}, BlockRule<Draft>{read_reverse_listener}},
};

}  // namespace

Keys<Draft> document() { return document_keys; }
Keys<System> system() { return system_keys; }
Keys<Limits> limits() { return limits_keys; }
Keys<ObservabilityDraft> observability() { return observability_keys; }
Keys<MetricsDraft> metrics() { return metrics_keys; }
Keys<Observability> logging() { return logging_keys; }
Keys<Observability> access_log() { return access_log_keys; }
Keys<Observability> audit() { return audit_keys; }

}  // namespace picket::apps::gateway::config::tables
