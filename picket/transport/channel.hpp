#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <sys/uio.h>

#include "picket/base/result.hpp"
#include "picket/transport/descriptor.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/layer.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// A connected socket with its layer that belongs to no worker: on its way from one to another. Thread safety: none; a
/// value that moves. Lifetime: closes what nobody took. Whoever sends one to another worker does so by Worker::post(),
/// in a function that owns it.
class Unbound {
 public:
  Unbound(int descriptor, std::unique_ptr<Layer> layer) noexcept : descriptor_(descriptor), layer_(std::move(layer)) {}
  Unbound(Unbound&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), layer_(std::move(other.layer_)) {}
  Unbound& operator=(Unbound&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(layer_, other.layer_);
    return *this;
  }
  ~Unbound();

  /// Two ends of one connection within the process. Errors: io where the system gives none. As socketpair(2) makes
  /// them, plain.
  [[nodiscard]] static base::Result<std::pair<Unbound, Unbound>> pair();

 private:
  friend class Channel;

  int descriptor_;
  std::unique_ptr<Layer> layer_;
};

/// A connected socket as Link and Stream see it: the one place that receives and sends.
///
/// Plain, or with a Layer between the bytes and the socket. One may read and one may write at a time. Who waits and is
/// called looks again: he may be called early, with ECANCELED where the other one's attempt has changed what he can do.
/// Thread safety: its worker's. Lifetime: as its Descriptor's. Errors: as Transfer has them, for failure() to put into
/// words. Complexity: at most one system call for each attempt where it is plain; nothing allocates.
class Channel {
 public:
  /// Not connected yet. connect() follows.
  explicit Channel(Worker& worker, std::unique_ptr<Layer> layer = nullptr) noexcept
      : descriptor_(worker), layer_(std::move(layer)) {}
  /// Takes a connected descriptor over. Where it cannot be watched it is closed at once: is_open() says so.
  Channel(Worker& worker, int descriptor, std::unique_ptr<Layer> layer = nullptr);
  /// Takes over what another worker's channel was.
  Channel(Worker& worker, Unbound unbound)
      : Channel(worker, std::exchange(unbound.descriptor_, -1), std::move(unbound.layer_)) {}
  Channel(Channel&&) noexcept = default;
  Channel& operator=(Channel&&) noexcept = default;
  ~Channel() {
    if (layer_ != nullptr) close();
  }

  [[nodiscard]] Worker& worker() const noexcept { return descriptor_.worker(); }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_.is_open(); }
  [[nodiscard]] bool is_plain() const noexcept { return layer_ == nullptr; }
  /// -1 where it is not open.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_.value(); }

  /// See Descriptor::connect(); cannot_connect() puts its errors into words. The layer says nothing before establish(),
  /// or the first read or write.
  void connect(const Endpoint& endpoint, Waiter waiter) { descriptor_.connect(endpoint, std::move(waiter)); }

  /// Lets the layer and its peer say what they have to before there are bytes; `moved` once that is over. Never waits:
  /// where it is blocked, wait() for what it wants and call it again.
  [[nodiscard]] Transfer establish();
  /// Reads what is there, without waiting. Not of an empty `into`.
  [[nodiscard]] Transfer read_now(std::span<char> into);
  /// Writes what is taken now, with one system call at most where the channel is plain. Some of it may be taken: the
  /// caller goes on behind that. What a layer called blocked must come again, as it was.
  [[nodiscard]] Transfer write_now(std::span<const iovec> parts);
  /// Why a transfer failed. Errors: connection_closed where the peer is gone, else io, or what the layer says.
  [[nodiscard]] base::Error failure(const Transfer& failed) const;

  /// Whether what failed is the layer's own, such as a certificate that the peer refuses.
  [[nodiscard]] bool is_layer_broken() const noexcept { return layer_ != nullptr && layer_->is_broken(); }

  /// Calls `waiter` once an attempt that was blocked is worth another. One waits for each readiness. The waiter is
  /// never called from within.
  void wait(Readiness wanted, Waiter waiter) { descriptor_.wait(wanted, std::move(waiter)); }
  /// Calls `waiter` once there is something to read, in the socket or in the layer.
  void wait_for_input(Waiter waiter);
  /// Whether nothing has come since all was read, as far as the loop has heard: reading is not worth an attempt. No
  /// system call.
  [[nodiscard]] bool is_quiet() const noexcept {
    return descriptor_.is_known_empty() && (layer_ == nullptr || (layer_->found_empty() && !layer_->has_pending()));
  }
  /// Whether the peer has closed or sent something that nobody has read. What a layer's peer says to the layer does not
  /// count. A system call.
  [[nodiscard]] bool has_input();
  /// Whether the layer holds a part of a record, as far as has_input() or a read has looked. No system call.
  [[nodiscard]] bool holds_part() const noexcept { return layer_ != nullptr && layer_->holds_part(); }
  /// Whether read_now() would say that the stream has ended, be it by an error: not where bytes lie before the end.
  [[nodiscard]] bool has_ended();

  /// Gives memory of the layer's back that only bytes under way need: for a connection that nothing moves on.
  void release_memory() noexcept {
    if (layer_ != nullptr) layer_->release_memory();
  }

  /// Ends what is waited for; everything stays usable. Waiters are called with ECANCELED, from the loop.
  void cancel() noexcept { descriptor_.cancel(); }
  /// Sends the end of the stream; reading goes on.
  void shutdown_write() noexcept;
  /// Whether close() cuts the connection off with a reset instead of ending it, and without a word of the layer's.
  void reset_on_close(bool resets) noexcept;
  /// Gives the socket away, without its layer.
  [[nodiscard]] int release() noexcept { return descriptor_.release(); }
  /// Gives all of it away, to another worker; nothing is waited for any more.
  [[nodiscard]] Unbound unbind() noexcept { return {descriptor_.release(), std::move(layer_)}; }
  /// Tells a layer's peer that this is the end, unless it is a cut. Waiters are called with ECANCELED, from the loop.
  /// Closing twice is closing once.
  void close() noexcept;

 private:
  Transfer read_layer(std::span<char> into);
  Transfer write_layer(std::span<const iovec> parts);
  Transfer peek();
  void note_layer() noexcept;

  Descriptor descriptor_;
  std::unique_ptr<Layer> layer_;
  bool writer_wants_input_ = false;  // of a layer
  bool resets_on_close_ = false;
};

/// Why a connect failed, for those who tell the peer's address beside it: "connection refused". Errors: io where the
/// system gives no socket, whoever the peer is; else connection_failed.
[[nodiscard]] base::Error connect_failure(int error);
/// The same in a sentence with the peer: "cannot connect to 127.0.0.1:9000: connection refused". `error` as errno has
/// it; `peer` as it is to be named.
[[nodiscard]] base::Error cannot_connect(std::string_view peer, int error);

}  // namespace picket::transport
