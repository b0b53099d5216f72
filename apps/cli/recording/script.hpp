#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/recording/recording.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/session/in_flight.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::cli {

/// What the proxy of a recording did, in its order, and how it was answered.
class Script {
 public:
  enum class What : std::uint8_t { asks, cancels, completes };

  /// Lifetime: what it refers to lives in the script.
  struct Step {
    What what;
    std::string id;                             ///< Of the exchange, in the recording.
    session::EventPointer event{};              ///< What it asks.
    wire::ReplyTo key{};                        ///< How the answer names that.
    std::optional<wire::AgentResponse> answer;  ///< What was said to that; nothing where nothing was.
    wire::Cancel cancel{};                      ///< Why it cancels.
    wire::RequestComplete summary{};            ///< With what it completes.
  };

  /// Errors name the record, by its number, and what is wrong with it. What is neither an event nor its end is left
  /// out: a proxy that plays does its own handshake and its own pings.
  [[nodiscard]] static base::Result<Script> read(const std::vector<Record>& records);
  Script(Script&&) = default;

  [[nodiscard]] const std::deque<Step>& steps() const noexcept { return steps_; }
  /// The handshake's configuration; nothing where it had none.
  [[nodiscard]] const std::optional<std::string>& config() const noexcept { return config_; }
  [[nodiscard]] bool config_is_masked() const noexcept;
  [[nodiscard]] const std::vector<wire::Encoding>& encodings() const noexcept { return encodings_; }
  [[nodiscard]] static wire::EventKind kind_of(const session::EventPointer& event);
  /// The kinds of events that it asks.
  [[nodiscard]] std::vector<wire::EventKind> kinds() const;

 private:
  Script() = default;
  [[nodiscard]] base::Status add(const Record& record);
  [[nodiscard]] base::Status add_to_agent(const wire::FrameView& frame);
  [[nodiscard]] base::Status add_answer(const wire::FrameView& frame);
  template <class Message>
  [[nodiscard]] base::Result<Message> decode(const wire::FrameView& frame);
  template <class Event>
  [[nodiscard]] base::Status add_event(const wire::FrameView& frame);

  base::Arena arena_{65536};  // of all that the steps refer to
  wire::Format format_;
  std::deque<Step> steps_;
  std::optional<std::string> config_;
  std::vector<wire::Encoding> encodings_;
};

}  // namespace picket::apps::cli
