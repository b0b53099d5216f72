#include "apps/waf/transaction.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/transaction.h>

#include "apps/waf/base_rules.hpp"
#include "apps/waf/match_budget.hpp"
#include "apps/waf/readings.hpp"
#include "apps/waf/request_body.hpp"
#include "picket/base/bytes.hpp"

namespace picket::apps::waf {

using base::ErrorKind;
using modsecurity::RuleMessage;

namespace {

constexpr std::uint16_t forbidden = 403;
constexpr std::uint16_t found = 302;

/// "HTTP/1.1" as the library wants it: "1.1".
std::string_view version_of(std::string_view protocol) {
  constexpr std::string_view prefix = "HTTP/";
  return protocol.starts_with(prefix) ? protocol.substr(prefix.size()) : protocol;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

/// The library takes the request line as C strings: behind a NUL it would see nothing.
bool has_nul_in_request_line(const wire::RequestHeaders& head) {
  return has_nul(head.method) || has_nul(head.uri) || has_nul(head.metadata.protocol);
}

std::size_t size_of(const wire::RequestHeaders& head) {
  std::size_t size = head.uri.size();
  for (const wire::Header& header : head.headers) size += header.name.size() + header.value.size();
  return size;
}

// With an id of ours: the library's own costs it a random device, a generator of 5 KB and, on a virtual machine, exits
// to the hypervisor for each transaction.
std::unique_ptr<modsecurity::Transaction> new_transaction(const RuleSet& rules, std::string& id) {
  return std::make_unique<modsecurity::Transaction>(&rules.engine().get(), &rules.compiled().get(), id.data(), nullptr);
}

/// The library writes [unique_id "…"] into log lines as it is.
std::string fit_for_log(std::string_view id) {
  std::string fit(id);
  std::replace_if(fit.begin(), fit.end(), [](char c) { return c < '!' || c > '~' || c == '"' || c == '\\'; }, '_');
  return fit;
}

/// What rules may say as a status is any number; what goes to a client is an HTTP status.
std::uint16_t http_status(int status) {
  return status >= 200 && status <= 599 ? static_cast<std::uint16_t>(status) : forbidden;
}

RuleMatch to_match(const RuleMessage& message) {
  return {std::to_string(message.m_ruleId), message.m_message, {message.m_tags.begin(), message.m_tags.end()}};
}

}  // namespace

bool declares_body(const wire::Headers& headers) noexcept {
  return std::any_of(headers.begin(), headers.end(), [](const wire::Header& header) {
    if (base::same_name(header.name, "content-length"))
      return header.value.find_first_not_of("0 \t") != std::string_view::npos;
    return base::same_name(header.name, "transfer-encoding");
  });
}

Transaction::Transaction(std::shared_ptr<const RuleSet> rules, RuleLog* log, std::string_view id, PathReading reading)
    : rules_(std::move(rules)),
      log_(log),
      id_(fit_for_log(id)),
      engine_(new_transaction(*rules_, id_)),
      reading_(reading) {}
Transaction::~Transaction() = default;

base::Result<Verdict> Transaction::on_request_headers(const wire::RequestHeaders& request, BodyPlan plan) {
  const MatchBudget budget(rules_->match_time());
  if (path_that_was_cut(request.uri)) other_ = std::make_unique<Transaction>(rules_, log_, id_, PathReading::cut);
  return judge([&](Transaction& reading) { return reading.judge_request_headers(request, plan, budget); });
}

base::Result<Verdict> Transaction::on_request_body_chunk(const wire::RequestBodyChunk& chunk) {
  const MatchBudget budget(rules_->match_time());
  return judge([&](Transaction& reading) { return reading.judge_request_body_chunk(chunk, budget); });
}

base::Result<Verdict> Transaction::on_response_headers(const wire::ResponseHeaders& response, BodyPlan plan) {
  const MatchBudget budget(rules_->match_time());
  return judge([&](Transaction& reading) { return reading.judge_response_headers(response, plan, budget); });
}

base::Result<Verdict> Transaction::on_response_body_chunk(const wire::ResponseBodyChunk& chunk) {
  const MatchBudget budget(rules_->match_time());
  return judge([&](Transaction& reading) { return reading.judge_response_body_chunk(chunk, budget); });
}

/// What either reading of the exchange says: the first that does not allow, and all that matched.
template <class Event>
base::Result<Verdict> Transaction::judge(Event event) {
  auto verdict = event(*this);
  if (!other_ || !verdict || !verdict->allows()) return verdict;
  auto beside = event(*other_);
  if (!beside) return beside;
  for (RuleMatch& match : verdict->matches)
    if (std::ranges::find(beside->matches, match.id, &RuleMatch::id) == beside->matches.end())
      beside->matches.push_back(std::move(match));
  if (!beside->allows()) {
    decided_ = *beside;
    decided_.matches.clear();
  }
  return beside;
}

base::Result<Verdict> Transaction::judge_request_headers(const wire::RequestHeaders& request, BodyPlan plan,
                                                         const MatchBudget& budget) {
  return evaluate(budget, [&](Verdict& verdict) {
    if (has_nul_in_request_line(request)) refuse(verdict, note_nul_in_request_line);
    if (size_of(request) > max_head_size) refuse(verdict, note_head_over_limit);
    if (!verdict.allows()) return;
    run_headers_phase(request);
    if (engine_->m_it.disruptive || (plan == BodyPlan::sent && declares_body(request.headers))) return;
    if (plan != BodyPlan::withheld) keep_head(request);
    run_body_phase(verdict);
  });
}

base::Result<Verdict> Transaction::judge_request_body_chunk(const wire::RequestBodyChunk& chunk,
                                                            const MatchBudget& budget) {
  if (!begun_ && decided_.allows())
    return base::fail(ErrorKind::invalid_message, "a request body chunk came before the request's headers");
  if (body_phase_ran_ && body_size_ > 0 && decided_.allows() && !chunk.data.empty())
    return base::fail(ErrorKind::invalid_message, "a request body goes on after the answer, with which it was judged");
  return evaluate(budget, [&](Verdict& verdict) {
    if (body_phase_ran_) {
      if (chunk.data.empty()) return;
      start_over();
    }
    append(chunk.data, verdict);
    if (chunk.is_last && verdict.allows()) run_body_phase(verdict);
    verdict.is_whole = chunk.is_last;
  });
}

base::Result<Verdict> Transaction::judge_response_headers(const wire::ResponseHeaders& response, BodyPlan plan,
                                                          const MatchBudget& budget) {
  return evaluate(budget, [&](Verdict& verdict) {
    if (begun_ && !body_phase_ran_) run_body_phase(verdict);  // the announced body never came
    if (engine_->m_it.disruptive) return;
    for (const wire::Header& header : response.headers)
      engine_->addResponseHeader(std::string(header.name), std::string(header.value));
    engine_->processResponseHeaders(response.status, "HTTP/" + engine_->m_httpVersion);
    if (engine_->m_it.disruptive) return;
    response_body_.begin(*engine_, *rules_, response, plan != BodyPlan::withheld && !is_head_, verdict);
    if (plan == BodyPlan::unknown) verdict.is_whole = true;  // perhaps nothing follows that would let the head go
  });
}

base::Result<Verdict> Transaction::judge_response_body_chunk(const wire::ResponseBodyChunk& chunk,
                                                             const MatchBudget& budget) {
  return evaluate(budget, [&](Verdict& verdict) { response_body_.append(*engine_, *rules_, chunk, verdict); });
}

base::Status Transaction::on_complete() {
  if (std::exchange(completed_, true) || !begun_) return {};
  if (other_) PICKET_TRY(other_->on_complete());
  const MatchBudget budget(rules_->match_time());
  try {
    engine_->processLogging();
  } catch (const std::exception& error) {
    return base::fail(ErrorKind::unavailable, fmt::format("libmodsecurity failed: {}", error.what()));
  }
  Verdict unused;
  take_matches(unused);
  return {};
}

template <class Step>
base::Result<Verdict> Transaction::evaluate(const MatchBudget& budget, Step step) {
  if (!decided_.allows()) return decided_;
  Verdict verdict;
  try {
    step(verdict);
  } catch (const std::exception& error) {
    return base::fail(ErrorKind::unavailable, fmt::format("libmodsecurity failed: {}", error.what()));
  }
  if (budget.exceeded()) {
    refuse(verdict, note_match_limit);
    resume_after_checkpoint(*engine_);
  }
  conclude(verdict);
  return verdict;
}

void Transaction::conclude(Verdict& verdict) {
  take_intervention(verdict);
  if (!verdict.allows()) decided_ = verdict;
  take_matches(verdict);
}

void Transaction::take_intervention(Verdict& verdict) {
  modsecurity::ModSecurityIntervention wanted{};
  modsecurity::intervention::clean(&wanted);
  if (!engine_->intervention(&wanted)) return;
  verdict.status = http_status(wanted.status);
  verdict.action = Verdict::Action::block;
  if (wanted.url != nullptr) {
    verdict.action = Verdict::Action::redirect;
    verdict.url = wanted.url;
    if (verdict.status < 300 || verdict.status > 399) verdict.status = found;
  }
  modsecurity::intervention::free(&wanted);
}

void Transaction::take_matches(Verdict& verdict) {
  const auto& all = engine_->m_rulesMessages;
  std::string lines;
  for (auto message = std::next(all.begin(), static_cast<std::ptrdiff_t>(seen_)); message != all.end(); ++message) {
    RuleMatch match = to_match(*message);
    const bool known = std::any_of(verdict.matches.begin(), verdict.matches.end(),
                                   [&](const RuleMatch& other) { return other.id == match.id; });
    if (!known) verdict.matches.push_back(std::move(match));
    if (log_ == nullptr) continue;
    lines += RuleMessage::log(&*message, RuleMessage::ClientLogMessageInfo, verdict.status);
    lines += '\n';
  }
  seen_ = all.size();
  if (log_ != nullptr && !lines.empty()) log_->write(lines);
}

void Transaction::refuse(Verdict& verdict, const Note& note) const {
  verdict.notes.push_back(note);
  if (log_ != nullptr)
    log_->write(fmt::format("[client {}] picket-waf: {} [reason \"{}\"] [unique_id \"{}\"]\n",
                            *engine_->m_clientIpAddress, note.message, note.code, id_));
  if (!may_block(*engine_)) return;
  verdict.action = Verdict::Action::block;
  verdict.status = note.status;
}

void Transaction::keep_head(const wire::RequestHeaders& request) {
  wire::RequestHeaders& kept = head_.emplace();
  kept.metadata.client_ip = arena_.copy(request.metadata.client_ip);
  kept.metadata.client_port = request.metadata.client_port;
  if (request.metadata.server_name) kept.metadata.server_name = arena_.copy(*request.metadata.server_name);
  kept.metadata.protocol = arena_.copy(request.metadata.protocol);
  kept.method = arena_.copy(request.method);
  kept.uri = arena_.copy(request.uri);
  const auto fields = arena_.allocate_array<wire::Header>(request.headers.size());
  for (std::size_t i = 0; i < fields.size(); ++i)
    fields[i] = {arena_.copy(request.headers[i].name), arena_.copy(request.headers[i].value)};
  kept.headers = wire::Headers(fields);
}

void Transaction::run_headers_phase(const wire::RequestHeaders& head) {
  begun_ = true;
  is_head_ = head.method == "HEAD";
  const wire::RequestMetadata& metadata = head.metadata;
  engine_->processConnection(std::string(metadata.client_ip).c_str(), metadata.client_port, "", 0);
  engine_->processURI(std::string(head.uri).c_str(), std::string(head.method).c_str(),
                      std::string(version_of(metadata.protocol)).c_str());
  if (reading_ == PathReading::whole) show_whole_path(head.uri);
  for (const wire::Header& header : head.headers)
    engine_->addRequestHeader(bytes_of(header.name), header.name.size(), bytes_of(header.value), header.value.size());
  if (metadata.server_name) {
    engine_->m_variableServerName.set(std::string(*metadata.server_name), engine_->m_variableOffset);
    engine_->m_serverIpAddress = std::make_shared<std::string>(*metadata.server_name);  // [hostname "…"] of the log
  }
  has_type_ = std::any_of(head.headers.begin(), head.headers.end(), [](const wire::Header& header) {
    return base::same_name(header.name, "content-type") && names_a_type(header.value);
  });
  engine_->processRequestHeaders();
}

void Transaction::show_whole_path(std::string_view target) {
  const auto path = path_that_was_cut(target);
  if (!path) return;
  constexpr std::size_t offset = 0;  // only the library's audit log, which is off, tells it
  for (auto* const variable : {&engine_->m_variablePathInfo, &engine_->m_variableRequestFilename}) {
    variable->unset();
    variable->set(*path, offset);
  }
  engine_->m_variableRequestBasename.unset();
  engine_->m_variableRequestBasename.set(basename_of(*path), offset);
}

// A body came that nothing announced, after phase 2 had run without it. Phase 2 twice would count its scores twice.
void Transaction::start_over() {
  engine_ = new_transaction(*rules_, id_);
  body_phase_ran_ = false;
  if (head_) run_headers_phase(*head_);
  seen_ = engine_->m_rulesMessages.size();  // what phase 1 says was reported the first time
}

void Transaction::append(base::ByteView data, Verdict& verdict) {
  const std::size_t limit = rules_->body_limit();
  const std::size_t fitting = std::min(data.size(), limit - std::min(limit, body_size_));
  if (fitting > 0) engine_->appendRequestBody(bytes_of(base::as_text(data)), fitting);
  body_size_ += fitting;
  if (fitting == data.size() || std::exchange(body_cut_, true)) return;
  engine_->m_variableInboundDataError.set("1", 0);
  // Whatever SecRequestBodyLimitAction says: what stands in front proves nothing.
  refuse(verdict, note_body_over_limit);
}

void Transaction::run_body_phase(Verdict& verdict) {
  body_phase_ran_ = true;
  if (MatchBudget::spent()) return;
  const auto unfit = body_size_ > 0 ? prepare_body(*engine_, has_type_, rules_->expansion_limit()) : std::nullopt;
  if (unfit) refuse(verdict, *unfit);
  if (!verdict.allows()) return;
  // An empty text is no XML and no multipart, but neither is it an attack: there is nothing to parse.
  if (unfit || body_size_ == 0) hide_body(*engine_);
  engine_->processRequestBody();
}

}  // namespace picket::apps::waf
