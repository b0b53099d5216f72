#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "apps/cli/conform/agents/talk.hpp"
#include "apps/cli/conform/grpc_pipe.hpp"
#include "apps/cli/conform/options.hpp"
#include "apps/cli/conform/peer.hpp"
#include "apps/cli/conform/rule.hpp"
#include "picket/transport/destination.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::cli::conform::agents {

/// The text of a handshake request, part by part: what no codec would write.
struct Hello {
  std::string_view versions = "[2]";
  std::string_view config = "null";
  std::string_view encodings = R"("supported_encodings":["json"],)";
  std::string_view more;  ///< Members, with a comma behind the last.
};

/// An agent under test, as a proxy reaches it.
class Agent {
 public:
  Agent(transport::Worker& worker, transport::Destination destination, Options options);

  /// What is tested next, so that the agent's logs can name it.
  void begin(std::string_view rule, wire::Encoding encoding);
  [[nodiscard]] bool is_grpc() const noexcept { return destination_.endpoint().carrier() == transport::Carrier::grpc; }
  [[nodiscard]] wire::Encoding encoding() const noexcept { return encoding_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// A connection on which nothing is said yet. Throws Unreachable where there never was one, else Violation.
  [[nodiscard]] Peer connect();
  /// One whose handshake is over, and whose configuration is accepted. The extensions are offered.
  [[nodiscard]] Talk open(std::initializer_list<wire::Text> extensions = {});
  /// The same. Throws Skipped where the agent does not take all of them.
  [[nodiscard]] Talk open_with(std::initializer_list<wire::Text> extensions);

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
  [[nodiscard]] Line dial();

  transport::Worker& worker_;
  transport::Destination destination_;
  Options options_;
  std::string rule_;
  std::string proxy_id_;  // who we say that we are: the agent's log has it
  wire::Encoding encoding_ = wire::Encoding::json;
  bool was_reached_ = false;
};

using AgentRule = Rule<Agent>;
using AgentRules = Rules<Agent>;

}  // namespace picket::apps::cli::conform::agents
