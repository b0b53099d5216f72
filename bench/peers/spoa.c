/* The peer's agent: for HAProxy's SPOE what `picket agent` is for the gateway. Allows every request, as fast as its
 * protocol lets it: one epoll loop, all frames of a read answered in one write, nothing of a message looked at.
 * Stream Processing Offload Protocol 2.0 with pipelining (HAProxy's doc/SPOE.txt).
 *
 *   picket_spoa PATH      serves a Unix socket, for ever; sets the variable `allow` of the transaction to true
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  length_size = 4,
  type_and_flags = 5,
  most_frame = 64 * 1024,
  most_in = 4 * (most_frame + length_size),
  most_out = 64 * 1024,
  most_ids = 20, /* two integers of up to ten bytes */
  most_connections = 1024
};

enum frame_type { haproxy_hello = 1, haproxy_disconnect = 2, notify = 3 };

/* Answers, without their length. `ack_payload` follows the ids of the frame that it answers. */
static const char agent_hello[] =
    "\x65\0\0\0\x01\0\0" /* AGENT-HELLO, the last fragment, of no stream and no frame */
    "\x07version\x08\x03"
    "2.0"                                /* a string */
    "\x0emax-frame-size\x03\xfc\xf0\x06" /* an unsigned integer: 16,380, what HAProxy offers */
    "\x0c"
    "capabilities\x08\x0apipelining";
static const char agent_disconnect[] = "\x66\0\0\0\x01\0\0\x0bstatus-code\x03\0\x07message\x08\x02ok";
static const char ack[] = "\x67\0\0\0\x01";
static const char ack_payload[] =
    "\x01\x03\x02\x05"
    "allow\x11"; /* set-var, 3 arguments, of the transaction, true */

struct connection {
  size_t held;
  char bytes[most_in];
};

static struct connection* connections[most_connections];

struct answers {
  size_t size;
  char bytes[most_out];
};

static void die(const char* what) {
  perror(what);
  exit(1);
}

/* Room for one more answer is the caller's affair. */
static void append(struct answers* out, const char* head, size_t head_size, const char* tail, size_t tail_size,
                   const char* end, size_t end_size) {
  const size_t size = head_size + tail_size + end_size;
  char* const at = out->bytes + out->size;
  for (int i = 0; i < length_size; ++i) at[i] = (char)(size >> (24 - 8 * i));
  memcpy(at + length_size, head, head_size);
  memcpy(at + length_size + head_size, tail, tail_size);
  memcpy(at + length_size + head_size + tail_size, end, end_size);
  out->size += length_size + size;
}

/* How many bytes a variable-length integer takes; 0 where it does not end. */
static size_t integer_size(const char* bytes, size_t size) {
  if (size == 0) return 0;
  if ((uint8_t)bytes[0] < 240) return 1;
  for (size_t i = 1; i < size; ++i)
    if ((uint8_t)bytes[i] < 128) return i + 1;
  return 0;
}

/* Answers one frame. Returns -1 where the connection is over. */
static int answer(const char* frame, size_t size, struct answers* out) {
  switch (frame[0]) {
    case haproxy_hello: append(out, agent_hello, sizeof agent_hello - 1, "", 0, "", 0); return 0;
    case haproxy_disconnect: append(out, agent_disconnect, sizeof agent_disconnect - 1, "", 0, "", 0); return -1;
    case notify: break;
    default: return -1;
  }
  const char* const ids = frame + type_and_flags;
  const size_t left = size - type_and_flags;
  const size_t stream = integer_size(ids, left), number = integer_size(ids + stream, left - stream);
  if (stream == 0 || number == 0 || stream + number > most_ids) return -1;
  append(out, ack, sizeof ack - 1, ids, stream + number, ack_payload, sizeof ack_payload - 1);
  return 0;
}

static size_t length_of(const char* bytes) {
  size_t length = 0;
  for (int i = 0; i < length_size; ++i) length = length << 8 | (uint8_t)bytes[i];
  return length;
}

static int send_all(int descriptor, struct answers* out) {
  for (size_t sent = 0; sent < out->size;) {
    const ssize_t part = send(descriptor, out->bytes + sent, out->size - sent, MSG_NOSIGNAL);
    if (part < 0) return -1;
    sent += (size_t)part;
  }
  out->size = 0;
  return 0;
}

/* Reads what is there and answers its whole frames. Returns -1 where the connection is over. */
static int serve_one(int descriptor, struct connection* peer) {
  static struct answers out;
  const ssize_t got = recv(descriptor, peer->bytes + peer->held, most_in - peer->held, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
  peer->held += (size_t)got;
  size_t begin = 0;
  int outcome = 0;
  while (outcome == 0 && peer->held - begin > length_size) {
    const size_t length = length_of(peer->bytes + begin);
    if (length <= type_and_flags || length > most_frame) return -1;
    if (peer->held - begin < length_size + length) break;
    if (out.size + 256 > most_out && send_all(descriptor, &out) != 0) return -1;
    outcome = answer(peer->bytes + begin + length_size, length, &out);
    begin += length_size + length;
  }
  memmove(peer->bytes, peer->bytes + begin, peer->held - begin);
  peer->held -= begin;
  return send_all(descriptor, &out) != 0 ? -1 : outcome;
}

static void watch(int poll, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0) die("epoll_ctl");
}

static int listen_at(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    fprintf(stderr, "the path is too long: %s\n", path);
    exit(2);
  }
  strcpy(address.sun_path, path);
  unlink(path);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (const struct sockaddr*)&address, sizeof address) != 0) die("bind");
  if (listen(listener, 128) != 0) die("listen");
  return listener;
}

static void accept_one(int poll, int listener) {
  const int peer = accept(listener, NULL, NULL);
  if (peer < 0 || peer >= most_connections) die("accept");
  connections[peer] = calloc(1, sizeof(struct connection));
  if (connections[peer] == NULL) die("calloc");
  watch(poll, peer);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: picket_spoa PATH\n");
    return 2;
  }
  const int listener = listen_at(argv[1]);
  const int poll = epoll_create1(0);
  watch(poll, listener);
  for (;;) {
    struct epoll_event events[64];
    const int ready = epoll_wait(poll, events, 64, -1);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < ready; ++i) {
      const int descriptor = events[i].data.fd;
      if (descriptor == listener) {
        accept_one(poll, listener);
      } else if (serve_one(descriptor, connections[descriptor]) != 0) {
        close(descriptor);
        free(connections[descriptor]);
      }
    }
  }
}
