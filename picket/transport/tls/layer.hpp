#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "picket/transport/layer.hpp"
#include "picket/transport/tls/context.hpp"
#include "picket/transport/tls/reason.hpp"

struct bio_st;
struct ssl_ctx_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace picket::transport::tls {

/// Who begins: a client says hello, a server answers.
enum class Role : std::uint8_t { client, server };
/// Whether a connection goes on on which no application protocol was agreed upon.
enum class Agreement : std::uint8_t { optional, required };

/// One connection's TLS. The handshake happens within the first reads, writes and looks; its deadline is its owner's.
///
/// OpenSSL reads and writes through a BIO whose reading end is the socket, with one recv a call as long as it brings
/// anything, and whose writing end is a buffer, so that all records of a call leave in one sendmsg. Nothing is
/// allocated once a connection has seen its largest write. A call reads so many records and no more, whatever is in
/// them: what is left lies in the socket, or has_pending() says that it lies here.
///
/// Thread safety: its channel's. Lifetime: shares its context. Errors: failure() has the words for a Transfer that
/// failed.
///
/// An end without close_notify is no end: reads fail as connection_closed from then on, for something may be missing.
/// Writes do not: the peer may have said all that it had to say, and listen. Units: at most 64 KiB or 128 records for
/// each call, whatever is asked for, so that one connection does not keep the others of its loop waiting; 200 messages
/// of the handshake once that is over, in a connection's life.
class TlsLayer final : public Layer {
 public:
  /// `native` is a part of `context`. For contexts, which make these: Context::layer().
  TlsLayer(std::shared_ptr<const Context> context, ssl_ctx_st* native, Role role,
           Agreement agreement = Agreement::optional);
  ~TlsLayer() override;
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  // ---- Layer: `socket` is the channel's, at each call; none of them waits
  Transfer establish(int socket) override;
  Transfer read(int socket, std::span<char> into) override;
  Transfer write(int socket, std::span<const iovec> parts) override;
  Transfer peek(int socket) override;
  [[nodiscard]] bool has_pending() const noexcept override;
  [[nodiscard]] bool holds_part() const noexcept override;
  [[nodiscard]] bool has_had_its_share() const noexcept override { return has_read_enough(); }
  [[nodiscard]] bool found_empty() const noexcept override { return is_dry_ && !has_ended_ && outgoing_.empty(); }
  void release_memory() noexcept override;
  void end_writing(int socket) noexcept override;
  [[nodiscard]] bool is_broken() const noexcept override { return failure_.has_value(); }
  [[nodiscard]] base::Error failure(const Transfer& failed) const override;

  /// Why there is no connection; `none` where there is one, or none yet. For counting. Of a connection that failed
  /// later it is `none`, too.
  [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
  /// Which of its context's certificates the peer is shown, of a server.
  [[nodiscard]] std::size_t shown() const noexcept { return shown_; }
  /// Called while the handshake looks at the name that the client asks for.
  void show(std::size_t certificate) noexcept { shown_ = certificate; }

  /// What a context has OpenSSL call for each certificate that it has looked at: notes whose was refused.
  static int verified(int is_trusted, x509_store_ctx_st* verification);

  /// Lifetime: the layer's. Never null.
  [[nodiscard]] ssl_st* native() const noexcept { return ssl_.get(); }
  /// Whether the handshake is over; what stands below is empty until then. With TLS 1.3 a client is sure of that before
  /// the server has looked at its certificate: a refusal of that comes with the first read.
  [[nodiscard]] bool is_established() const noexcept { return is_established_; }
  /// "TLSv1.3"; static.
  [[nodiscard]] std::string_view version() const noexcept;
  /// Whether a ticket took the place of certificates: the peer is the one of the session that it was given in.
  [[nodiscard]] bool is_resumed() const noexcept;
  /// The application protocol that was agreed upon; empty: none. Lifetime: the layer's.
  [[nodiscard]] std::string_view alpn() const noexcept;

 private:
  struct Freed {
    void operator()(ssl_st* ssl) const noexcept;
  };
  friend struct SocketBio;

  void begin(int socket) noexcept;
  void count(int content) noexcept;
  [[nodiscard]] bool has_read_enough() const noexcept;
  [[nodiscard]] bool has_failed();
  int receive(char* into, std::size_t room) noexcept;
  [[nodiscard]] Transfer shake_hands();
  [[nodiscard]] Transfer seal(std::span<const iovec> parts);
  [[nodiscard]] Transfer outcome(int returned);
  [[nodiscard]] Transfer cut_off();
  [[nodiscard]] Transfer failed() const noexcept;
  [[nodiscard]] base::Error why_refused();
  void hear_last_words();
  bool flush() noexcept;

  std::shared_ptr<const Context> context_;
  std::unique_ptr<ssl_st, Freed> ssl_;
  Agreement agreement_;
  int socket_ = -1;                // of the call
  int receive_error_ = 0;          // as errno has it
  int send_error_ = 0;             // the same
  std::size_t records_ = 0;        // read in this call
  std::size_t late_messages_ = 0;  // of handshakes, once the handshake was over
  bool is_crowded_ = false;        // the last call had as many of them as one may
  bool is_dry_ = false;            // nothing more is received in this call
  bool has_ended_ = false;         // the socket has, with close_notify or without
  bool holds_records_ = false;     // bytes lie in OpenSSL's buffer that may be whole records
  bool has_heard_ = false;
  bool is_established_ = false;
  char first_byte_ = 0;          // that the peer sent: says whether it speaks TLS
  std::string outgoing_;         // records
  std::size_t sent_ = 0;         // of outgoing_
  std::size_t sealed_size_ = 0;  // of write()'s bytes, in outgoing_
  std::string refused_peer_;     // whose certificate was
  std::optional<base::Error> failure_;
  Refusal refusal_ = Refusal::none;
  std::size_t shown_ = 0;
};

}  // namespace picket::transport::tls
