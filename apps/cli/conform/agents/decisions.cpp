#include <algorithm>
#include <array>
#include <vector>

#include "apps/cli/conform/agents/rules.hpp"
#include "picket/base/overloaded.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

constexpr std::string_view provoking_uri =
    "/?id=1%27%20UNION%20SELECT%20password--&file=../../etc/passwd&q=%3Cscript%3E";

/// What it answers to requests that agents have something against: what agents decide is theirs, but not how they say
/// it.
std::vector<Answer> provoke(Agent& agent) {
  std::vector<base::Header> fields{{"host", "conform.test"}, {"user-agent", "sqlmap/1.0"}, {"accept", "*/*"}};
  for (const auto& [name, value] : agent.options().headers) fields.push_back({name, value});
  Talk talk = agent.open();
  std::vector<Answer> answers;
  for (const std::string_view uri : {std::string_view{"/conform"}, provoking_uri}) {
    wire::RequestHeaders head = Talk::head(talk.mint());
    head.uri = uri;
    head.headers = std::span<const base::Header>{fields};
    answers.push_back(talk.ask(head));
  }
  return answers;
}

/// Those answers that are of one kind. Throws Skipped where there are none.
template <class Decision>
std::vector<Decision> decisions(const std::vector<Answer>& answers, std::string_view kind) {
  std::vector<Decision> found;
  for (const Answer& answer : answers)
    if (const auto* const decision = std::get_if<Decision>(&answer.response.decision)) found.push_back(*decision);
  need(!found.empty(), "the agent answered none of its requests with a {}; --header may make it", kind);
  return found;
}

bool is_name(std::string_view name) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.contains(c);
  });
}

bool is_value(std::string_view value) {
  return value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

/// Fields that are the connection's, or say how long a message is.
bool is_framing(std::string_view name) {
  static constexpr std::array<std::string_view, 9> names{"connection", "content-length",    "host",
                                                         "keep-alive", "proxy-connection",  "te",
                                                         "trailer",    "transfer-encoding", "upgrade"};
  return std::ranges::any_of(names, [&](std::string_view other) { return base::same_name(name, other); });
}

/// All fields that an answer sets or adds.
std::vector<base::HeaderOp> operations(const std::vector<Answer>& answers) {
  std::vector<base::HeaderOp> all;
  for (const Answer& answer : answers)
    for (const base::HeaderOps ops : {answer.response.request_headers, answer.response.response_headers})
      all.insert(all.end(), ops.begin(), ops.end());
  need(!all.empty(), "no answer changes a field; --header may make one");
  return all;
}

constexpr std::array rules{
    AgentRule{"decisions.known", "5", "A decision is allow, block, redirect or challenge.", Scope::everywhere,
              [](Agent& agent) { (void)provoke(agent); }},
    AgentRule{"decisions.block-status", "5", "A block's status is from 200 to 599.", Scope::everywhere,
              [](Agent& agent) {
                const auto answers = provoke(agent);
                for (const auto& block : decisions<wire::Block>(answers, "block"))
                  expect(block.status >= 200 && block.status <= 599, "it is {}", block.status);
              }},
    AgentRule{"decisions.block-fields", "5", "A block's fields have names and values that HTTP has.", Scope::everywhere,
              [](Agent& agent) {
                const auto answers = provoke(agent);
                for (const auto& block : decisions<wire::Block>(answers, "block"))
                  for (const auto& [name, value] : block.headers.value_or(wire::TextMap{})) {
                    expect(is_name(name), "\"{}\" is no name", name);
                    expect(!is_framing(name), "{} is not an agent's to set", name);
                    expect(is_value(value), "the value of {} has a line break or NUL", name);
                  }
              }},
    AgentRule{"decisions.redirect-status", "5", "A redirect's status is 301, 302, 303, 307 or 308.", Scope::everywhere,
              [](Agent& agent) {
                static constexpr std::array<int, 5> known{301, 302, 303, 307, 308};
                const auto answers = provoke(agent);
                for (const auto& redirect : decisions<wire::Redirect>(answers, "redirect"))
                  expect(std::ranges::find(known, redirect.status) != known.end(), "it is {}", redirect.status);
              }},
    AgentRule{"decisions.redirect-url", "5", "A redirect's URL is there, without line breaks.", Scope::everywhere,
              [](Agent& agent) {
                const auto answers = provoke(agent);
                for (const auto& redirect : decisions<wire::Redirect>(answers, "redirect"))
                  expect(!redirect.url.empty() && is_value(redirect.url), "it is \"{}\"", redirect.url);
              }},
    AgentRule{"decisions.challenge", "5", "A challenge says its type.", Scope::everywhere,
              [](Agent& agent) {
                const auto answers = provoke(agent);
                for (const auto& challenge : decisions<wire::Challenge>(answers, "challenge"))
                  expect(!challenge.challenge_type.empty(), "it is empty");
              }},
    AgentRule{"operations.names", "5", "Fields that are changed have names that HTTP has.", Scope::everywhere,
              [](Agent& agent) {
                const auto answers = provoke(agent);
                for (const auto& operation : operations(answers))
                  expect(is_name(operation.name), "\"{}\" is no name", operation.name);
              }},
    AgentRule{"operations.values", "5", "Values that are set have no line breaks and no NUL.", Scope::everywhere,
              [](Agent& agent) {
                const auto answers = provoke(agent);
                for (const auto& operation : operations(answers))
                  expect(is_value(operation.value), "the value of {} has", operation.name);
              }},
    AgentRule{"operations.framing", "5", "Fields of the connection, of framing, and host are not changed.",
              Scope::everywhere,
              [](Agent& agent) {
                const auto answers = provoke(agent);
                for (const auto& operation : operations(answers))
                  expect(!is_framing(operation.name), "{} is", operation.name);
              }},
    AgentRule{"audit.confidence", "5", "confidence is from 0 to 1.", Scope::everywhere,
              [](Agent& agent) {
                bool said = false;
                const auto answers = provoke(agent);
                for (const Answer& answer : answers) {
                  const auto confidence = answer.response.audit.confidence;
                  said = said || confidence;
                  expect(!confidence || (*confidence >= 0 && *confidence <= 1), "it is {}", confidence.value_or(0));
                }
                need(said, "no answer says how confident it is; --header may make one");
              }},
};

}  // namespace

AgentRules decision_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
