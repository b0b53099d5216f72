#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/http2/connection.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// Moves bytes between one channel and one HTTP/2 connection, whichever end that is.
///
/// What one read produced on all streams leaves at once, in one vectored write, and what is added at other times at the
/// end of the turn (ADR 0009). Reading never waits for writing: HTTP/2's own windows bound what a peer can send.
///
/// Thread safety: its worker's thread only. Lifetime: shared with its pending operations; release it with close(),
/// after which the owner is not called any more.
///
/// Errors: reach the owner's on_over(): connection_failed and timeout of the connect, connection_closed, io, and what
/// http2::Connection says of a peer that breaks the protocol.
class Http2Link final : public Flushable, public std::enable_shared_from_this<Http2Link> {
 public:
  /// Who has the connection's streams.
  class Owner : public http2::Events {
   public:
    /// The connection stands: streams may begin. Of a client that is before the peer's settings have come.
    virtual void on_connected() = 0;
    /// What a read brought is about to be answered: those who waited for it may have added something to the streams'
    /// bodies, which resume() has not been told yet.
    virtual void before_answering() {}
    /// It is over: closes when this returns, and will not call again. Once, and last. Streams that were open are lost
    /// with it.
    virtual void on_over(const base::Error& reason) = 0;

   protected:
    ~Owner() = default;
  };

  /// `owner` outlives the link or its close().
  Http2Link(Channel channel, http2::Role role, const http2::Limits& limits, Owner& owner);
  ~Http2Link() override;

  /// Begins: connects within `timeout`, or serves a channel that is connected, of which `already_read` was read before.
  /// Once, after it is made. What fails is told later, never from within.
  void connect(const Endpoint& endpoint, base::Duration timeout);
  /// `already_read` is heard from within: the owner must be ready for it.
  void serve(std::string_view already_read = {});
  /// Sends the end of the stream behind what is written; reading goes on.
  void shutdown_write() noexcept { channel_.shutdown_write(); }

  /// Lifetime: the link's. Say flush_later() after what you have it do.
  [[nodiscard]] http2::Connection& connection() noexcept { return connection_; }
  [[nodiscard]] Worker& worker() noexcept { return worker_; }
  [[nodiscard]] bool is_open() const noexcept { return owner_ != nullptr; }
  /// The connection was called: have its output written at the end of this turn. Needed also out of what the owner is
  /// told, but for what a read brought: that is answered once all of the read is heard.
  void flush_later() {
    if (owner_ != nullptr && is_connected_) worker_.flush_later(*this);
  }
  /// So many bytes of one message or body are still to come: the next read takes them in one. Out of on_data(). A hint:
  /// a wrong one costs a read, nothing else.
  void expect(std::size_t bytes) noexcept { expected_ = bytes; }
  /// Ends it now, without telling the owner. What is queued is written as far as the kernel takes it; `bodies` keeps
  /// whoever has the streams' bodies until then. May be called out of what the owner is told.
  void close(std::shared_ptr<void> bodies = nullptr) noexcept;

 private:
  static void on_connected(std::shared_ptr<void>& self, const Completion& outcome);
  static void on_readable(std::shared_ptr<void>& self, const Completion& outcome);
  void begin(std::string_view already_read);
  void on_late();
  void take(std::string_view bytes);
  static void wait_to_read(std::shared_ptr<Http2Link> self);
  static void read_on(std::shared_ptr<Http2Link> self);
  static void after_pass(void* self);
  void receive();
  void answer_pass();
  void flush() override;
  void write();
  [[nodiscard]] bool write_once();
  void wait_to_write(Readiness wanted);
  template <class Call>
  [[nodiscard]] bool inside(Call call);
  void finish(const base::Error& reason);
  void shut() noexcept;

  Channel channel_;
  Worker& worker_;
  http2::Connection connection_;
  Owner* owner_;                  // null after close()
  std::shared_ptr<void> bodies_;  // of a link that is about to shut
  std::string peer_;              // while it connects
  base::Timer timer_;             // while it connects; then while bodies wait for larger windows
  Resumption after_pass_;         // queued behind those who wait for what a pass brought
  std::size_t expected_ = 0;
  int passes_ = 0;  // of this readiness
  bool reads_on_ = false;
  bool is_dry_ = false;
  bool is_connected_ = false;
  bool is_inside_ =
      false;  // the connection is being called, and tells the owner: it must not be called again below that
  bool writer_waits_ = false;
};

}  // namespace picket::transport
