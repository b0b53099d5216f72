#pragma once

#include <cstdint>

#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"

/// What the table of an agent's block has of the other tables of agents. Each check says of a key that it does not fit
/// the others of its block.
namespace picket::apps::gateway::config::tables {

inline constexpr std::uint64_t hour_ms = 3'600'000;
inline constexpr std::uint64_t most_held = 1'073'741'824;  // bytes

inline constexpr auto the_agent = &AgentDraft::agent;
inline constexpr auto its_pool = &Agent::pool;

// ---- how it is reached, and in which dialect (agent_network_tables.cpp)

void read_binary_uds(Reader& reader, const Setting& setting, AgentDraft& out);
void read_unix_socket(Reader& reader, const Setting& setting, AgentDraft& out);
void read_tcp(Reader& reader, const Setting& setting, AgentDraft& out);
void read_grpc(Reader& reader, const Setting& setting, AgentDraft& out);
void read_reverse(Reader& reader, const kdl::Node& node, AgentDraft& out);
void read_agent_tls(Reader& reader, const Block& block, AgentDraft& out);
void read_dialect(Reader& reader, const Setting& setting, AgentDraft& out);
void read_protocol_version(Reader& reader, const Setting& setting, AgentDraft& out);
void check_network(Reader& reader, const kdl::Node& node, const AgentDraft& draft);
void check_dialect(Reader& reader, const kdl::Node& node, const AgentDraft& draft);

// ---- its bodies (agent_body_tables.cpp)

void read_request_body_mode(Reader& reader, const kdl::Node& node, AgentDraft& out);
void read_response_body_mode(Reader& reader, const kdl::Node& node, AgentDraft& out);
void check_bodies(Reader& reader, const kdl::Node& node, const AgentDraft& draft);

// ---- its connections, and when it is not asked (agent_pool_tables.cpp)

void read_pool(Reader& reader, const Block& block, AgentDraft& out);
void read_circuit_breaker(Reader& reader, const Block& block, AgentDraft& out);
void check_hedge(Reader& reader, const kdl::Node& node, const AgentDraft& draft);
void check_pool(Reader& reader, const kdl::Node& node, const AgentDraft& draft);
/// Other proxies of the protocol have `connections` in the agent's block.
void take_connections(Reader& reader, const kdl::Node& node, AgentDraft& draft);

}  // namespace picket::apps::gateway::config::tables
