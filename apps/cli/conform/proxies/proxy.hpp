#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/conform/options.hpp"
#include "apps/cli/conform/proxies/http.hpp"
#include "apps/cli/conform/proxies/meeting.hpp"
#include "apps/cli/conform/proxies/origin.hpp"
#include "apps/cli/conform/proxies/served.hpp"
#include "apps/cli/conform/rule.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::cli::conform::proxies {

/// A proxy under test: it dials us, however often, or is dialled, and what it says on all its connections comes
/// together here. Where it takes requests, they are made to it.
///
/// A rule says how connections begin and events are answered, and goes on until something has happened.
class Proxy {
 public:
  /// `origin`: its upstream, where the tool plays that, too; else null.
  Proxy(transport::Worker& worker, std::unique_ptr<Meeting> meeting, std::optional<transport::Endpoint> http,
        std::unique_ptr<Origin> origin, Options options)
      : worker_(worker),
        meeting_(std::move(meeting)),
        http_(std::move(http)),
        origin_(std::move(origin)),
        options_(std::move(options)) {}
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy() = default;

  /// Closes every connection, and is as new.
  void begin(std::string_view rule, wire::Encoding encoding);
  /// Closes every connection, its upstream's too, and forgets what was heard. What connections begin with stays.
  void close_all();

  // ---- how it is answered
  /// What is said to its handshake. Default: what an agent without extensions says.
  std::function<void(Served&)> greeting;
  /// What is said first to one that is dialled. Default: as an agent without extensions.
  std::function<void(Served&)> registering;
  /// Default: allow. Control messages come here too.
  std::function<void(Served&, const Heard&)> answering;
  /// Answers as the default does: it allows, and answers nothing that wants no answer.
  void answer_plainly(Served& connection, const Heard& heard);
  /// Does so from now on.
  void answer_all_plainly();

  /// What the agent says that it is and can bear, on connections that are to come.
  Declared declared;
  /// The agent takes this extension, on connections that are to come. Throws Skipped where the proxy does not offer it,
  /// or take it.
  void take(std::string_view extension);

  /// Of proxies that call us on gRPC: when the heads of answers are sent on connections that are to come.
  void answer_heads(HeadOfAnswer when);

  // ---- what happens
  /// Goes on until `happened`. Throws Violation where it does not in time; `wanted` says what should have.
  void await(std::string_view wanted, const std::function<bool()>& happened) {
    await(wanted, happened, options_.patience);
  }
  void await(std::string_view wanted, const std::function<bool()>& happened, base::Duration patience);
  void go_on_for(base::Duration time);
  /// A connection whose handshake is over.
  [[nodiscard]] Served& open();
  /// The first one, whatever was said on it.
  [[nodiscard]] Served& begun();
  /// Registers on one more connection, and waits for what is answered.
  [[nodiscard]] Served& join(const Registration& registration);
  /// One more connection, on which nothing is said.
  void join_silently() { (void)connect(); }
  /// The registration that rules begin with.
  [[nodiscard]] Registration registration() const;
  /// One whose first word has come, the proxy's handshake or its answer to a registration; it is not answered, where
  /// `greeting` does nothing.
  [[nodiscard]] Served& greeted();
  /// Throws Violation unless the connection is served: a ping is answered, or on gRPC the call goes on.
  void expect_served(Served& connection);
  /// Throws Violation unless the proxy closes it.
  void expect_closed(Served& connection, std::string_view cause) {
    expect_closed(connection, cause, options_.patience);
  }
  void expect_closed(Served& connection, std::string_view cause, base::Duration patience);

  /// What was heard since begin(), in order.
  [[nodiscard]] const std::deque<Heard>& heard() const noexcept { return heard_; }
  [[nodiscard]] std::vector<const Heard*> of(wire::FrameType type) const;
  /// The first message of that type. Throws Violation where none came.
  [[nodiscard]] const Heard& first(wire::FrameType type) const;

  /// Its upstream. Throws Skipped where the tool does not play that.
  [[nodiscard]] Origin& origin();
  /// The last request that has reached its upstream. Throws Violation where none has.
  [[nodiscard]] const HttpMessage& forwarded();

  /// Makes a request, and goes on until it is answered. Throws Skipped where no address for requests is known.
  HttpMessage ask(const HttpRequest& request = {});
  /// The same without waiting.
  [[nodiscard]] std::unique_ptr<HttpCall> send(const HttpRequest& request);
  /// Makes a request, and goes on until the agent is asked about it.
  [[nodiscard]] std::unique_ptr<HttpCall> send_to_agent(const HttpRequest& request);

  [[nodiscard]] wire::Encoding encoding() const noexcept { return encoding_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  void turn();
  [[nodiscard]] Served& add(std::unique_ptr<Pipe> pipe);
  [[nodiscard]] Served& connect();
  void read(Served& connection);
  void take(Served& connection, Frame frame);

  transport::Worker& worker_;
  std::unique_ptr<Meeting> meeting_;
  std::optional<transport::Endpoint> http_;
  std::unique_ptr<Origin> origin_;
  Options options_;
  wire::Encoding encoding_ = wire::Encoding::json;
  std::string agent_id_;
  std::vector<std::string_view> wanted_;  // extensions
  std::deque<std::unique_ptr<Served>> connections_;
  std::deque<Heard> heard_;
  std::string refusal_;  // what a registration was answered last
};

using ProxyRule = Rule<Proxy>;
using ProxyRules = Rules<Proxy>;

}  // namespace picket::apps::cli::conform::proxies
