#include "picket/transport/tls/layer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "picket/transport/internal/socket_bytes.hpp"
#include "picket/transport/tls/pem.hpp"
#include "picket/transport/tls/reason.hpp"

namespace picket::transport::tls {
namespace {

using Outcome = Transfer::Outcome;
using base::ErrorKind;

constexpr std::size_t record_size = SSL3_RT_MAX_PLAIN_LENGTH;
// Bytes per call, so that one connection does not keep the others of its loop waiting: 20 to 40 us of encryption.
constexpr std::size_t most_per_call = 4 * record_size;
// Records per call, for the same reason: a peer may put one byte into each, none, or new keys (RFC 8446 §4.6.3): 22
// to 27 bytes on the wire that cost far more time than those of a large record.
constexpr std::size_t most_records = 128;
// Messages of the handshake that may come once it is over, in a connection's life: new keys are for every few hundred
// gigabytes, tickets for the beginning. Each costs its receiver more than its sender.
constexpr std::size_t most_late_messages = 200;
// What a peer of such records is read by afterwards: OpenSSL opens all that lie in its buffer before it asks for more.
constexpr std::size_t crowded_receive = 1024;
// What the first byte of each record says (RFC 8446 §5.1).
constexpr char handshake_record = 22;
constexpr char alert_record = 21;

/// What is left of a write's parts.
class Parts {
 public:
  explicit Parts(std::span<const iovec> parts) noexcept : parts_(parts) { skip(0); }
  [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }

  /// The next record's bytes: where they lie if one part has enough of them, else gathered into `room`.
  [[nodiscard]] std::string_view take(std::span<char> room) noexcept {
    if (front().size() >= room.size() || parts_.size() == 1) return skip(std::min(front().size(), room.size()));
    std::size_t size = 0;
    while (size < room.size() && !empty()) {
      const std::string_view piece = skip(std::min(front().size(), room.size() - size));
      size += piece.copy(room.data() + size, piece.size());
    }
    return {room.data(), size};
  }

 private:
  [[nodiscard]] std::string_view front() const noexcept {
    return std::string_view{static_cast<const char*>(parts_.front().iov_base), parts_.front().iov_len}.substr(offset_);
  }
  std::string_view skip(std::size_t size) noexcept {
    if (empty()) return {};
    const std::string_view skipped = front().substr(0, size);
    offset_ += size;
    while (!parts_.empty() && offset_ == parts_.front().iov_len) {
      parts_ = parts_.subspan(1);
      offset_ = 0;
    }
    return skipped;
  }

  std::span<const iovec> parts_;
  std::size_t offset_ = 0;  // in the first
};

base::Error ended_without_notice() {
  return base::fail(ErrorKind::connection_closed,
                    "the connection ended without the peer saying so in TLS (close_notify): something may be missing");
}

}  // namespace

/// The socket as OpenSSL sees it.
struct SocketBio {
  static int read(BIO* bio, char* into, int room) {
    BIO_clear_retry_flags(bio);
    const int size = layer_of(bio).receive(into, static_cast<std::size_t>(room));
    if (size < 0) BIO_set_retry_read(bio);
    return size;
  }
  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    layer_of(bio).outgoing_.append(bytes, static_cast<std::size_t>(size));
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
  static TlsLayer& layer_of(BIO* bio) { return *static_cast<TlsLayer*>(BIO_get_data(bio)); }
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const instance = [] {
      BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "channel");
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      BIO_meth_set_create(made, create);
      return made;
    }();
    return instance;
  }
};

void TlsLayer::Freed::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

TlsLayer::TlsLayer(std::shared_ptr<const Context> context, ssl_ctx_st* native, Role role, Agreement agreement)
    : context_(std::move(context)), ssl_(SSL_new(native)), agreement_(agreement) {
  BIO* const bio = BIO_new(SocketBio::method());
  if (!ssl_ || bio == nullptr) throw std::bad_alloc{};
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_info_callback(ssl_.get(), [](const SSL* ssl, int event, int) {
    if ((event & SSL_CB_HANDSHAKE_DONE) != 0) static_cast<TlsLayer*>(SSL_get_app_data(ssl))->is_established_ = true;
  });
  SSL_set_msg_callback_arg(ssl_.get(), this);
  SSL_set_msg_callback(ssl_.get(), [](int is_sent, int, int content, const void*, std::size_t, SSL*, void* self) {
    if (is_sent == 0) static_cast<TlsLayer*>(self)->count(content);
  });
  role == Role::client ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
}

/// A connection that was not ended by both keeps its session all the same: whoever closes first must not cost the other
/// its resumption.
TlsLayer::~TlsLayer() {
  if (!failure_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsLayer::begin(int socket) noexcept {
  socket_ = socket;
  is_dry_ = has_ended_;
  is_crowded_ = has_read_enough();
  records_ = 0;
  ERR_clear_error();
}

void TlsLayer::count(int content) noexcept {
  if (content == SSL3_RT_HEADER) ++records_;
  if (content == SSL3_RT_HANDSHAKE && is_established_) ++late_messages_;
}

bool TlsLayer::has_read_enough() const noexcept { return records_ >= most_records; }

/// Whether the connection is over, at the latest now.
bool TlsLayer::has_failed() {
  if (!failure_ && late_messages_ > most_late_messages)
    failure_ =
        base::fail(ErrorKind::invalid_message, "TLS: the peer changes its keys, or begins anew, again and again");
  return failure_.has_value();
}

/// Into OpenSSL's buffer, which has no whole record. -1: nothing for now. Nor is there at the end, of which OpenSSL is
/// not told: without close_notify it would let nobody write any more.
int TlsLayer::receive(char* into, std::size_t room) noexcept {
  if (has_ended_ || is_dry_ || has_read_enough() || late_messages_ > most_late_messages) return -1;
  if (is_crowded_) room = std::min(room, crowded_receive);
  const Transfer got = internal::receive_now(socket_, {into, room}, 0);
  is_dry_ = !got.may_have_more;
  if (got.outcome == Outcome::blocked) return -1;
  if (got.outcome == Outcome::failed) receive_error_ = got.error;
  has_ended_ = got.outcome != Outcome::moved;
  if (has_ended_) return -1;
  if (!std::exchange(has_heard_, true)) first_byte_ = *into;
  return static_cast<int>(got.size);
}

// ---- the ways to move bytes

Transfer TlsLayer::establish(int socket) {
  if (has_failed()) return failed();
  begin(socket);
  const Transfer shaken = shake_hands();
  if (shaken.outcome == Outcome::moved) flush();
  return shaken;
}

Transfer TlsLayer::read(int socket, std::span<char> into) {
  if (has_failed()) return failed();
  begin(socket);
  std::size_t total = 0;
  while (total < into.size() && total < most_per_call && !has_read_enough()) {
    std::size_t size = 0;
    const int returned = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &size);
    if (returned <= 0) {
      const Transfer nothing = outcome(returned);
      if (total == 0) return nothing;
      // What there was before the end, which is said again.
      return Transfer::moved(total, nothing.outcome != Outcome::blocked);
    }
    total += size;
  }
  flush();
  holds_records_ = SSL_has_pending(ssl_.get()) == 1;
  return Transfer::moved(total, holds_records_ || !is_dry_);
}

Transfer TlsLayer::peek(int socket) {
  if (has_failed()) return failed();
  begin(socket);
  char byte = 0;
  std::size_t size = 0;
  const int returned = SSL_peek_ex(ssl_.get(), &byte, 1, &size);
  if (returned <= 0) return outcome(returned);
  flush();
  return Transfer::moved(1, true);
}

Transfer TlsLayer::write(int socket, std::span<const iovec> parts) {
  if (has_failed()) return failed();
  begin(socket);
  if (sealed_size_ == 0) {
    if (const Transfer shaken = shake_hands(); shaken.outcome != Outcome::moved) return shaken;
    if (const Transfer sealed = seal(parts); sealed.outcome != Outcome::moved) return sealed;
  }
  const bool has_left = flush();
  if (send_error_ != 0) {
    hear_last_words();
    return failed();
  }
  return has_left ? Transfer::moved(std::exchange(sealed_size_, 0), false) : Transfer::blocked(Readiness::writable);
}

/// The end, too, may have come behind bytes, and nothing in the socket will tell of it.
bool TlsLayer::has_pending() const noexcept {
  return holds_records_ || has_ended_ || failure_ || SSL_pending(ssl_.get()) != 0 ||
         (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

/// Of a record OpenSSL holds bytes, or has seen the header and waits for the rest.
bool TlsLayer::holds_part() const noexcept {
  return SSL_has_pending(ssl_.get()) == 1 || std::string_view{SSL_rstate_string(ssl_.get())} == "RB";
}

void TlsLayer::release_memory() noexcept {
  SSL_free_buffers(ssl_.get());  // those that hold bytes stay
  if (outgoing_.empty()) outgoing_.shrink_to_fit();
}

void TlsLayer::end_writing(int socket) noexcept {
  if (failure_ || !is_established() || (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
  begin(socket);
  (void)SSL_shutdown(ssl_.get());
  flush();
}

// ---- what they have in common

Transfer TlsLayer::shake_hands() {
  if (!is_established_) {
    const int returned = SSL_do_handshake(ssl_.get());
    if (returned != 1) return outcome(returned);
    holds_records_ = SSL_has_pending(ssl_.get()) == 1;  // what came behind the peer's last flight
  }
  if (agreement_ == Agreement::optional || !alpn().empty()) return Transfer::moved(1, false);
  // Else a peer of another protocol would be told things that it takes for something else.
  refusal_ = Refusal::alpn;
  failure_ = base::fail(ErrorKind::connection_failed,
                        "no TLS connection: the peer agrees to none of the protocols that it was offered (ALPN): is "
                        "something else served on this port?");
  return failed();
}

/// Into records, as many bytes as one call may.
Transfer TlsLayer::seal(std::span<const iovec> parts) {
  Parts left{parts};
  std::array<char, record_size> gathered;
  while (!left.empty() && sealed_size_ < most_per_call) {
    const std::string_view bytes = left.take(gathered);
    std::size_t size = 0;
    const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size);
    if (returned != 1) return outcome(returned);
    sealed_size_ += size;
  }
  return Transfer::moved(sealed_size_, false);
}

/// What an operation came to that brought nothing.
Transfer TlsLayer::outcome(int returned) {
  const int kind = SSL_get_error(ssl_.get(), returned);
  holds_records_ = false;
  if (kind == SSL_ERROR_WANT_READ && has_ended_) return cut_off();
  if (kind == SSL_ERROR_WANT_READ) {
    // Bytes of a writer's are his to wait for.
    const bool has_said_all = flush() || sealed_size_ != 0;
    return Transfer::blocked(has_said_all ? Readiness::readable : Readiness::writable);
  }
  if (kind == SSL_ERROR_ZERO_RETURN) {
    flush();
    return Transfer::ended();
  }
  failure_ = why_refused();
  flush();  // the alert that tells the peer
  return failed();
}

/// Something may be missing of what it was to say. What it has said whole may be answered all the same.
Transfer TlsLayer::cut_off() {
  const bool is_over = !is_established() || receive_error_ != 0;
  if (is_over) failure_ = why_refused();
  flush();
  return is_over ? failed() : Transfer::failed(EPROTO);
}

Transfer TlsLayer::failed() const noexcept {
  if (receive_error_ != 0) return Transfer::failed(receive_error_);
  return Transfer::failed(send_error_ != 0 ? send_error_ : EPROTO);
}

base::Error TlsLayer::why_refused() {
  if (is_established()) {
    if (receive_error_ != 0) return internal::failure_of(receive_error_);
    return base::fail(ErrorKind::invalid_message, "TLS: " + last_reason());
  }
  const auto refused = [this](Refusal kind, std::string_view why) {
    refusal_ = kind;
    return base::fail(ErrorKind::connection_failed, fmt::format("no TLS connection: {}", why));
  };
  const Refusal last = last_refusal();
  if (has_heard_ && first_byte_ != handshake_record && first_byte_ != alert_record)
    return refused(last == Refusal::plain_http ? last : Refusal::not_tls,
                   "the peer does not speak TLS, or not on this port");
  if (has_ended_)
    return refused(Refusal::closed,
                   "the peer ended the connection during the handshake: does it speak TLS on this port?");
  const long verified = SSL_get_verify_result(ssl_.get());
  const std::string reason = last_reason();
  if (receive_error_ != 0) return refused(Refusal::closed, internal::failure_of(receive_error_).detail());
  const bool is_asked = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
  if (verified == X509_V_OK || !is_asked) return refused(last, reason);
  return refused(Refusal::certificate, why_not_trusted(verified, refused_peer_));
}

int TlsLayer::verified(int is_trusted, x509_store_ctx_st* verification) {
  if (is_trusted == 1) return 1;
  const void* const ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
  auto& layer = *static_cast<TlsLayer*>(SSL_get_app_data(static_cast<const SSL*>(ssl)));
  layer.refused_peer_ = name_of(*X509_STORE_CTX_get0_cert(verification));
  return 0;
}

/// A peer that refuses us says why and closes; the first to notice may be our next write.
void TlsLayer::hear_last_words() {
  is_dry_ = has_ended_;
  ERR_clear_error();
  char byte = 0;
  std::size_t size = 0;
  const int returned = SSL_peek_ex(ssl_.get(), &byte, 1, &size);
  if (returned <= 0) (void)outcome(returned);
}

/// Whether nothing is left: it has left, or never will.
bool TlsLayer::flush() noexcept {
  while (sent_ < outgoing_.size() && send_error_ == 0) {
    const iovec rest{outgoing_.data() + sent_, outgoing_.size() - sent_};
    const Transfer sent = internal::send_now(socket_, {&rest, 1});
    if (sent.outcome == Outcome::blocked) return false;
    if (sent.outcome == Outcome::failed) send_error_ = sent.error;
    sent_ += sent.size;
  }
  outgoing_.clear();
  sent_ = 0;
  return true;
}

base::Error TlsLayer::failure(const Transfer& failed) const {
  if (failure_) return *failure_;
  return failed.error == EPROTO ? ended_without_notice() : internal::failure_of(failed.error);
}

// ---- what was agreed upon

std::string_view TlsLayer::version() const noexcept {
  return is_established() ? SSL_get_version(ssl_.get()) : std::string_view{};
}

bool TlsLayer::is_resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

std::string_view TlsLayer::alpn() const noexcept {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace picket::transport::tls
