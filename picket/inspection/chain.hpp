#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "picket/base/time.hpp"
#include "picket/body/agent_stage.hpp"
#include "picket/inspection/stickiness.hpp"

namespace picket::pool {
class Agent;
}

namespace picket::inspection {

struct AgentCounters;

/// What becomes of a text in which an agent has found something without deciding about it.
enum class Action : std::uint8_t {
  off,     ///< It is not asked about.
  log,     ///< It goes on, counted and audited.
  redact,  ///< It goes on without what was found; where it is not said where that is, as block.
  block,   ///< It does not go on.
};

/// An agent of a chain that looks at the texts of a language model. Thread safety: a value.
struct Guardrail {
  std::size_t filter = 0;  ///< Index in Chain::filters.
  Action prompt = Action::block;
  Action response = Action::redact;
  std::size_t window = 512;  ///< Bytes by which pieces of a text overlap, and that stay held of one that streams.
  std::string route;         ///< Its id, for the agent.
};

/// What becomes of an exchange when an agent fails: it is refused, or goes on with what it has. A failure is no answer
/// in time, no connection, or an answer that cannot be honoured.
enum class FailureMode : std::uint8_t { closed, open };

/// The kinds of event an agent is asked about; by default none. Thread safety: a value.
struct Events {
  bool request_headers = false;
  bool request_body = false;
  bool response_headers = false;
  bool response_body = false;
  bool request_complete = false;
  bool websocket_frame = false;
  bool guardrail = false;
};

/// How an agent looks at bodies of one direction. Thread safety: a value. Units: bytes.
struct BodyTerms {
  /// Bytes that are held at a time; in buffer mode the agent's own limit counts, too.
  std::uint64_t holds = 1'048'576;
  /// Bytes that are held before the agent is asked about the first: the whole body (buffer mode), 0 (stream) or so many
  /// (hybrid).
  std::uint64_t gathers = body::whole;
  /// Bytes that the agent has allowed last and that stay held; 0 in buffer mode.
  std::uint64_t holds_back = 0;
};

/// One agent as a chain asks it.
///
/// Thread safety: a value, used on the worker of its agent: each worker has agents, and so filters, of its own.
/// Lifetime: what it points to is never null, and outlives it.
struct Filter {
  pool::Agent* agent = nullptr;
  AgentCounters* counters = nullptr;  ///< Of the worker that asks. Chains that name the same agent may share them.
  Events events;                      ///< Kinds that its pool::AgentSpec::events names, too.
  FailureMode failure_mode = FailureMode::closed;
  base::Duration timeout = std::chrono::seconds{1};  ///< for the answer to one event, the queue included
  std::optional<base::Duration> chunk_timeout = {};  ///< for the answer to a chunk of a body. None: as for others.
  BodyTerms request_body = {};
  BodyTerms response_body = {};
  /// bytes; largest chunk sent in one event. None: 64 KiB, or the whole body for agents that judge each event alone.
  std::optional<std::uint64_t> chunk_size = {};
  Stickiness stickiness = {};
  bool decompress = false;  ///< Bodies in a content coding are shown as what they contain, and go on so.
};

/// Who is asked about an exchange, and what all of them together may make of it. A value: it knows of no configuration,
/// and whoever has one makes it once, for all exchanges that it is meant for.
///
///   Chain chain;
///   chain.filters.push_back({.agent = &waf, .counters = &counters, .events = {.request_headers = true}});
///   Inspection inspection{worker, chain, nullptr, id, arena};
///
/// Thread safety: that of the agents, their worker's thread. Lifetime: outlives the inspections that ask it; its agents
/// and counters outlive it.
struct Chain {
  std::vector<Filter> filters;               ///< In the order in which answers merge.
  std::optional<Guardrail> guardrail = {};   ///< Last, in both directions: what goes on is what it has seen.
  std::size_t max_added_fields = 100;        ///< Header fields that operations add to one head.
  std::size_t max_added_bytes = 16'384;      ///< Bytes of those fields.
  bool decompress = false;                   ///< As one of the filters says.
  std::uint64_t max_body_size = 10'485'760;  ///< Bytes of a body as it is sent, and as mutations make it.
};

}  // namespace picket::inspection
