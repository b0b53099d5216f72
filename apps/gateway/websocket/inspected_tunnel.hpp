#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "apps/gateway/websocket/counters.hpp"
#include "apps/gateway/websocket/idle_time.hpp"
#include "apps/gateway/websocket/mask_source.hpp"
#include "picket/base/block_pool.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/inspection/frame_inspection.hpp"
#include "picket/transport/beside.hpp"
#include "picket/transport/cancel.hpp"
#include "picket/websocket/assembly.hpp"

namespace picket::apps::gateway::websocket {

/// Why a tunnel was closed that its ends would have gone on with. Lifetime of texts: the exchange's.
struct Closing {
  std::uint16_t code = 0;
  std::string_view reason;
  std::optional<picket::websocket::Breach> breach = {};  ///< Of `sender`.
  picket::websocket::Sender sender = picket::websocket::Sender::client;
  bool is_overloaded = false;  ///< There was no place for a message within max-held-bytes.
  std::optional<inspection::FrameVerdict> verdict = {};
};

/// Two ends that speak WebSocket, with agents in between: each frame that has come whole is an event, and a message
/// goes on, as one frame, after the verdict on its last. One frame of a direction is asked about at a time; meanwhile
/// nothing more is read there, so that a slow agent, or receiver, holds its sender back.
///
/// What breaks RFC 6455, is too large or not whole in its time, or is closed by an agent is closed towards both ends,
/// which are given a moment to hear it. A close frame of an end passes, or is dropped, as others are, and what that end
/// sends behind it goes nowhere. As with Tunnel, an end may say that it sends no more and still be sent to. A process
/// that ends says 1001.
///
/// Thread safety: its worker's. Lifetime: not destroyed while run() is awaited; all that it is given outlives it.
/// Complexity: memory is that of one message in each direction, which counts as held, and 32 KiB; in steady state no
/// frame allocates.
class InspectedTunnel {
 public:
  struct Terms {
    base::Duration idle;
    base::Duration to_hold;   ///< In which a message of which something is held is whole.
    base::Duration to_close;  ///< How long ends are listened to that were told of the end.
    std::size_t max_message = 0;
    std::string_view route;
    std::string_view client_ip;
  };
  /// `cancel`: the exchange's.
  InspectedTunnel(transport::Worker& worker, TunnelEnd& client, TunnelEnd& upstream,
                  inspection::FrameInspection& frames, transport::Cancel& cancel, Counters& counters,
                  const Terms& terms);

  [[nodiscard]] transport::Task<void> run();
  [[nodiscard]] Passed passed() const noexcept { return {to_upstream_.passed, to_client_.passed}; }
  /// Nothing where its ends ended it.
  [[nodiscard]] const std::optional<Closing>& closing() const noexcept { return closing_; }

 private:
  static constexpr std::size_t space_size = 16 * 1024;

  enum class Phase : std::uint8_t {
    open,
    closing,  ///< Both ends are told; what they still send goes nowhere.
    over,     ///< Nothing more is read or written.
  };

  /// One direction.
  struct Way {
    Way(InspectedTunnel& tunnel_in, picket::websocket::Sender sender_in, TunnelEnd& from_in, TunnelEnd& to_in)
        : tunnel(tunnel_in),
          sender(sender_in),
          from(from_in),
          to(to_in),
          assembly(sender_in, tunnel_in.terms_.max_message),
          space(std::make_unique_for_overwrite<char[]>(space_size)),
          held(tunnel_in.worker_.blocks()),
          hold_ends([](void* self, base::TimePoint) { static_cast<Way*>(self)->is_late(); }, this) {}
    void is_late() { tunnel.breach(*this, picket::websocket::Breach::too_slow); }

    InspectedTunnel& tunnel;
    picket::websocket::Sender sender;
    TunnelEnd& from;
    TunnelEnd& to;
    picket::websocket::Assembly assembly;
    std::unique_ptr<char[]> space;
    std::span<char> unread;  // of it
    base::HeldBytes held;
    base::Timer hold_ends;      // of a message that comes
    std::uint64_t counted = 0;  // of it
    std::uint64_t frames = 0;
    std::uint64_t passed = 0;
    bool drops = false;  // the message that comes
    bool is_writing = false;
    bool has_ended = false;   // its sender has said that it sends no more
    bool has_closed = false;  // its sender has sent a close frame
    bool is_told = false;     // that has passed
  };

  [[nodiscard]] transport::Task<void> pass(Way& way);
  /// The next frame; nothing where there is none to be had.
  [[nodiscard]] transport::Task<std::optional<picket::websocket::Frame>> next_frame(Way& way);
  [[nodiscard]] transport::Task<bool> read(Way& way);
  [[nodiscard]] transport::Task<void> judge(Way& way, const picket::websocket::Frame& frame);
  [[nodiscard]] transport::Task<void> deliver(Way& way, bool is_dropped);
  [[nodiscard]] transport::Task<void> write(Way& way, std::string_view bytes);
  [[nodiscard]] transport::Task<void> finish(Way& way);
  [[nodiscard]] bool count(Way& way) noexcept;
  void forget(Way& way);
  void shed(Way& way);
  [[nodiscard]] std::optional<picket::websocket::MaskKey> key_for(const Way& way);
  void breach(const Way& way, picket::websocket::Breach what);
  void close(const Closing& closing);
  void begin_to_end();
  void end() noexcept;
  void say_last();
  [[nodiscard]] Way& other(const Way& way) noexcept { return &way == &to_upstream_ ? to_client_ : to_upstream_; }

  transport::Worker& worker_;
  inspection::FrameInspection& frames_;
  transport::Cancel& cancel_;
  Counters& counters_;
  Terms terms_;
  IdleTime idle_;
  MaskSource masks_;
  Phase phase_ = Phase::open;
  std::optional<Closing> closing_;
  Way to_upstream_;
  Way to_client_;
  base::Timer timer_;  // of an end that is under way
  transport::Beside other_way_;
  transport::Cancel::Guard guard_;
};

}  // namespace picket::apps::gateway::websocket
