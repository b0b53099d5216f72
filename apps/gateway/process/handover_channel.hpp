#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "picket/base/result.hpp"

/// How one process of the gateway takes the place of another under way (docs/adr/0048): the old one starts the new one
/// and hands it, over a socket of records, what it listens on and the keys of session tickets. The new one says when it
/// serves; then the old one drains, and says how many connections it has still.
namespace picket::apps::gateway::process {

/// What records say, and where the new process finds its end of the socket.
namespace handover {
inline constexpr const char* environment_name = "PICKET_HANDOVER";
inline constexpr int descriptor = 3;  ///< Of the new process.

inline constexpr std::string_view socket_word = "socket";
inline constexpr std::string_view socket_and_file_word = "socket and file";
inline constexpr std::string_view tickets_word = "tickets ";
inline constexpr std::string_view end_word = "end";
inline constexpr std::string_view serving_word = "serving ";  ///< And its process id.
inline constexpr std::string_view connections_word = "connections ";

/// The number that is all that stands behind `word`.
[[nodiscard]] std::optional<std::size_t> number_behind(std::string_view word, std::string_view text);
}  // namespace handover

/// One end of the socket between both: records of text, each with a descriptor or without. Thread safety: none.
class HandoverChannel {
 public:
  struct Record {
    std::string text;
    int descriptor = -1;  ///< The receiver's to close.
  };

  /// Both ends. Errors: io, out of descriptors.
  [[nodiscard]] static base::Result<std::pair<HandoverChannel, HandoverChannel>> make();
  explicit HandoverChannel(int socket) noexcept : socket_(socket) {}
  HandoverChannel(HandoverChannel&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  HandoverChannel& operator=(HandoverChannel&&) = delete;
  ~HandoverChannel();

  [[nodiscard]] int socket() const noexcept { return socket_; }
  /// False: there is no room now; does not wait. Errors: connection_closed, where the other process is gone; io.
  [[nodiscard]] base::Result<bool> send(std::string_view text, int descriptor = -1) const;
  /// Waits for as long; nothing where nothing has come. Errors: as send().
  [[nodiscard]] base::Result<std::optional<Record>> receive(std::chrono::milliseconds patience) const;

 private:
  int socket_;
};

}  // namespace picket::apps::gateway::process
