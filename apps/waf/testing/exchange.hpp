#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "apps/waf/rule_set.hpp"
#include "apps/waf/transaction.hpp"

/// For tests of this folder only: requests in one line, rule sets that are loaded once, files that go away.
namespace picket::apps::waf::testing {

inline constexpr auto form = "application/x-www-form-urlencoded";
inline constexpr auto sql_injection = "1' OR '1'='1' UNION SELECT password FROM users--";

struct Request {
  std::string method = "GET";
  std::string uri = "/";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::size_t chunk = 65536;
  BodyPlan plan = BodyPlan::sent;
};

/// The request as the proxy sends it.
class RequestEvent {
 public:
  explicit RequestEvent(Request from) : request_(std::move(from)) {
    const Request& request = request_;
    add("Host", "example.test");
    add("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)");
    add("Accept", "*/*");
    for (const auto& [name, value] : request.headers) add(name, value);
    if (!request.body.empty()) length_ = std::to_string(request.body.size());
    if (!request.body.empty()) add("Content-Length", length_);
    event.metadata.client_ip = "192.0.2.7";
    event.metadata.client_port = 40123;
    event.metadata.protocol = "HTTP/1.1";
    event.method = request.method;
    event.uri = request.uri;
    event.headers = wire::Headers(fields_);
  }
  RequestEvent(const RequestEvent&) = delete;
  RequestEvent& operator=(const RequestEvent&) = delete;

  wire::RequestHeaders event;

 private:
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  Request request_;
  std::string length_;
  std::vector<wire::Header> fields_;
};

inline wire::RequestBodyChunk chunk_of(std::string_view data, bool is_last) {
  return {.data = base::as_bytes(data), .is_last = is_last};
}

inline Verdict expect_value(base::Result<Verdict> result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? *result : Verdict{};
}

/// Plays a whole request; the verdict is the first that does not allow, else that of the last event. Matches of all
/// events.
inline Verdict inspect(const std::shared_ptr<const RuleSet>& rules, const Request& request, RuleLog* log = nullptr) {
  Transaction transaction(rules, log);
  const RequestEvent head(request);
  Verdict verdict = expect_value(transaction.on_request_headers(head.event, request.plan));
  for (std::size_t at = 0; at < request.body.size() && verdict.allows(); at += request.chunk) {
    const std::string_view data = std::string_view(request.body).substr(at, request.chunk);
    std::vector<RuleMatch> before = std::move(verdict.matches);
    verdict = expect_value(transaction.on_request_body_chunk(chunk_of(data, at + data.size() == request.body.size())));
    verdict.matches.insert(verdict.matches.begin(), before.begin(), before.end());
  }
  EXPECT_TRUE(transaction.on_complete());
  return verdict;
}

inline std::vector<std::string> ids(const Verdict& verdict) {
  std::vector<std::string> result;
  for (const RuleMatch& match : verdict.matches) result.push_back(match.id);
  return result;
}
inline bool matched(const Verdict& verdict, std::string_view id) {
  return std::any_of(verdict.matches.begin(), verdict.matches.end(), [&](const auto& match) { return match.id == id; });
}

/// One engine for the test program; see Engine for why not more.
inline const std::shared_ptr<Engine>& engine() {
  static const std::shared_ptr<Engine> one = Engine::create();
  return one;
}
inline std::shared_ptr<const RuleSet> load(const RuleOptions& options) {
  auto rules = RuleSet::load(engine(), options);
  EXPECT_TRUE(rules.has_value()) << (rules ? "" : rules.error().message());
  return rules ? *rules : nullptr;
}
inline const std::shared_ptr<const RuleSet>& crs() {
  static const std::shared_ptr<const RuleSet> rules = load({});
  return rules;
}

/// A folder that lives as long as the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "picket-waf-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

/// A rule set of one file with these rules.
inline std::shared_ptr<const RuleSet> rules_of(std::string_view text, std::optional<bool> detection_only = {}) {
  const Folder folder;
  return load({.rules = {folder.write("rules.conf", text)}, .detection_only = detection_only});
}

}  // namespace picket::apps::waf::testing
