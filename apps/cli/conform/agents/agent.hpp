#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "apps/cli/conform/agents/reach.hpp"
#include "apps/cli/conform/agents/registrations.hpp"
#include "apps/cli/conform/agents/talk.hpp"
#include "apps/cli/conform/grpc_pipe.hpp"
#include "apps/cli/conform/options.hpp"
#include "apps/cli/conform/peer.hpp"
#include "apps/cli/conform/rule.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::apps::cli::conform::agents {

/// The text of a handshake request, part by part: what no codec would write.
struct Hello {
  std::string_view versions = "[2]";
  std::string_view config = "null";
  std::string_view encodings = R"("supported_encodings":["json"],)";
  std::string_view more;  ///< Members, with a comma behind the last.
};

/// A connection on which an agent that dials has registered, and what it said.
struct Registered {
  Peer peer;
  Document registration;
};

/// An agent under test, as a proxy reaches it.
class Agent {
 public:
  /// `carrier`: what is spoken on the connections.
  Agent(std::unique_ptr<Reach> reach, Dialler dialler, transport::Carrier carrier, Options options)
      : reach_(std::move(reach)), dialler_(dialler), carrier_(carrier), options_(std::move(options)) {}

  /// What is tested next, so that the agent's logs can name it.
  void begin(std::string_view rule, wire::Encoding encoding);
  [[nodiscard]] bool is_grpc() const noexcept { return carrier_ == transport::Carrier::grpc; }
  [[nodiscard]] bool dials_us() const noexcept { return dialler_ == Dialler::agent; }
  [[nodiscard]] wire::Encoding encoding() const noexcept { return encoding_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// A connection on which nothing is said yet. Throws as Reach::next().
  [[nodiscard]] Peer connect();
  /// The next one of an agent that dials: it has registered, and is not answered yet.
  [[nodiscard]] Registered registered();
  /// The answer to a registration. It names the rule that is tested.
  [[nodiscard]] std::string welcome_text(const Welcome& welcome) const { return text_of(welcome, proxy_id_); }
  [[nodiscard]] Reach& reach() noexcept { return *reach_; }
  /// One whose handshake is over, and whose configuration is accepted. The extensions are offered.
  [[nodiscard]] Talk open(std::initializer_list<wire::Text> extensions = {});
  /// The same. Throws Skipped where the agent does not take all of them.
  [[nodiscard]] Talk open_with(std::initializer_list<wire::Text> extensions);

  /// What it says of itself on a socket: its answer to a handshake, or its registration.
  [[nodiscard]] Document introduction();
  /// What a socket's agent answers to that request.
  [[nodiscard]] Document shake_hands(const Hello& hello = {});
  [[nodiscard]] std::string text(const Hello& hello) const;
  /// The first bytes of a connection: the handshake as a frame.
  [[nodiscard]] std::string handshake_frame() const;

  /// A call of gRPC with nothing sent yet.
  [[nodiscard]] std::unique_ptr<GrpcPipe> call(std::string_view path);
  /// The handshake that opens a stream. Lifetime: the agent's, until the next begin().
  [[nodiscard]] wire::HandshakeRequest grpc_hello() const;

  /// Throws Violation unless the agent still serves on a new connection.
  void expect_alive(std::string_view cause);

 private:
  [[nodiscard]] Talk take_registration(std::initializer_list<wire::Text> extensions);

  std::unique_ptr<Reach> reach_;
  Dialler dialler_;
  transport::Carrier carrier_;
  Options options_;
  std::string rule_;
  std::string proxy_id_;  // who we say that we are: the agent's log has it
  wire::Encoding encoding_ = wire::Encoding::json;
};

using AgentRule = Rule<Agent>;
using AgentRules = Rules<Agent>;

}  // namespace picket::apps::cli::conform::agents
