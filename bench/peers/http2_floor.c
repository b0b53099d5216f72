/* What HTTP/2 itself takes for the traffic of `picket bench` over gRPC: messages of given sizes to and fro on one
 * stream, in clear over TCP, by nghttp2 and an epoll loop. Nothing is read of a message but where it ends; what a turn
 * has to say goes out in one write.
 *
 *   picket_http2_floor serve PORT REQUEST RESPONSE                    one client after the other on 127.0.0.1
 *   picket_http2_floor ask PORT REQUEST RESPONSE SECONDS IN_FLIGHT    keeps requests in flight; prints JSON
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { buffer_size = 256 * 1024, most_in_flight = 4096, most_times = 1 << 24, window = 1 << 20 };

/* One end of the one connection that there is. */
typedef struct {
  nghttp2_session* session;
  int socket;
  int32_t stream;
  size_t heard, to_hear; /* of the other's messages: bytes of one, and its size */
  size_t to_say, said;   /* bytes that the data provider owes, and the size of one message */
  int waits;             /* the provider has nothing and was deferred */
  long whole;            /* messages that came in this turn */
} end_t;

static uint8_t in[buffer_size], out[buffer_size], zeros[16384];

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void check(int code, const char* what) {
  if (code >= 0) return;
  fprintf(stderr, "picket_http2_floor: %s: %s\n", what, nghttp2_strerror(code));
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static double cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static ssize_t provide(nghttp2_session* session, int32_t stream, uint8_t* into, size_t size, uint32_t* flags,
                       nghttp2_data_source* source, void* user) {
  (void)session, (void)stream, (void)flags, (void)user;
  end_t* const end = source->ptr;
  if (end->to_say == 0) {
    end->waits = 1;
    return NGHTTP2_ERR_DEFERRED;
  }
  const size_t part = end->to_say < size ? end->to_say : size;
  memcpy(into, zeros, part);
  end->to_say -= part;
  return (ssize_t)part;
}

static int on_data(nghttp2_session* session, uint8_t flags, int32_t stream, const uint8_t* data, size_t size,
                   void* user) {
  (void)session, (void)flags, (void)stream, (void)data;
  end_t* const end = user;
  end->heard += size;
  end->whole += (long)(end->heard / end->to_hear);
  end->heard %= end->to_hear;
  return 0;
}

static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  end_t* const end = user;
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  end->stream = frame->hd.stream_id;
  nghttp2_nv status = {(uint8_t*)":status", (uint8_t*)"200", 7, 3, NGHTTP2_NV_FLAG_NONE};
  nghttp2_data_provider body = {.source.ptr = end, .read_callback = provide};
  return nghttp2_submit_response(session, end->stream, &status, 1, &body);
}

static void say(end_t* end, long messages) {
  end->to_say += (size_t)messages * end->said;
  if (!end->waits) return;
  end->waits = 0;
  check(nghttp2_session_resume_data(end->session, end->stream), "resume");
}

/* All that is to be said, in as few writes as the buffer allows. */
static int flush(end_t* end) {
  for (;;) {
    size_t held = 0;
    while (held < buffer_size - 32768) {
      const uint8_t* data;
      const ssize_t size = nghttp2_session_mem_send(end->session, &data);
      check((int)size, "send");
      if (size == 0) break;
      memcpy(out + held, data, (size_t)size);
      held += (size_t)size;
    }
    if (held == 0) return 0;
    for (size_t sent = 0; sent < held;) {
      const ssize_t part = send(end->socket, out + sent, held - sent, MSG_NOSIGNAL);
      if (part < 0) return -1;
      sent += (size_t)part;
    }
  }
}

/* Waits, reads once. Returns the messages that are whole now, -1 where the other end has gone. */
static long hear(end_t* end, int poll) {
  struct epoll_event event;
  while (epoll_wait(poll, &event, 1, -1) < 0)
    if (errno != EINTR) die("epoll_wait");
  const ssize_t got = recv(end->socket, in, buffer_size, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) return -1;
  end->whole = 0;
  if (got > 0) check((int)nghttp2_session_mem_recv(end->session, in, (size_t)got), "receive");
  return end->whole;
}

static int begin(end_t* end, int is_server) {
  const int on = 1;
  setsockopt(end->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  nghttp2_session_callbacks* callbacks;
  check(nghttp2_session_callbacks_new(&callbacks), "callbacks");
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  check(is_server ? nghttp2_session_server_new(&end->session, callbacks, end)
                  : nghttp2_session_client_new(&end->session, callbacks, end),
        "session");
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};
  check(nghttp2_submit_settings(end->session, NGHTTP2_FLAG_NONE, settings, 1), "settings");
  check(nghttp2_session_set_local_window_size(end->session, NGHTTP2_FLAG_NONE, 0, window), "window");
  const int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, end->socket, &event) != 0) die("epoll_ctl");
  return poll;
}

static struct sockaddr_in address_of(const char* port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void serve(const char* port, size_t request, size_t response) {
  const struct sockaddr_in address = address_of(port);
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (const struct sockaddr*)&address, sizeof address) != 0) die("bind");
  if (listen(listener, 16) != 0) die("listen");
  for (;;) {
    end_t end = {.socket = accept(listener, NULL, NULL), .to_hear = request, .said = response};
    if (end.socket < 0) die("accept");
    const int poll = begin(&end, 1);
    for (long whole = 0; whole >= 0 && flush(&end) == 0; whole = hear(&end, poll))
      if (whole > 0) say(&end, whole), flush(&end);
    nghttp2_session_del(end.session);
    close(poll);
    close(end.socket);
  }
}

static int by_time(const void* a, const void* b) {
  const uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
  return x < y ? -1 : x > y;
}

static void report(uint32_t* times, size_t count, double seconds, double cpu) {
  if (count == 0) {
    fprintf(stderr, "picket_http2_floor: nothing was answered in time\n");
    exit(1);
  }
  qsort(times, count, sizeof *times, by_time);
  printf("{\"decisions_per_s\":%.1f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"mib_per_s\":0,\"cpu_us_per_decision\":%.3f}\n",
         (double)count / seconds, times[count / 2] / 1e3, times[count * 99 / 100] / 1e3, cpu / (double)count);
}

static void open_stream(end_t* end) {
  static const char* const fields[][2] = {
      {":method", "POST"}, {":scheme", "http"}, {":path", "/floor"}, {":authority", "floor"}};
  nghttp2_nv head[4];
  for (size_t i = 0; i < 4; ++i)
    head[i] = (nghttp2_nv){(uint8_t*)fields[i][0], (uint8_t*)fields[i][1], strlen(fields[i][0]), strlen(fields[i][1]),
                           NGHTTP2_NV_FLAG_NONE};
  nghttp2_data_provider body = {.source.ptr = end, .read_callback = provide};
  end->stream = nghttp2_submit_request(end->session, NULL, head, 4, &body, NULL);
  check(end->stream, "request");
}

static void ask(const char* port, size_t request, size_t response, double seconds, size_t in_flight) {
  const struct sockaddr_in address = address_of(port);
  end_t end = {.socket = socket(AF_INET, SOCK_STREAM, 0), .to_hear = response, .said = request};
  if (connect(end.socket, (const struct sockaddr*)&address, sizeof address) != 0) die("connect");
  const int poll = begin(&end, 0);
  open_stream(&end);
  static uint64_t begun[most_in_flight];
  uint32_t* const times = malloc(most_times * sizeof *times);
  if (times == NULL) die("malloc");
  const uint64_t warm_until = now_ns() + 100000000u, until = warm_until + (uint64_t)(seconds * 1e9);
  size_t count = 0, oldest = 0;
  double cpu_before = -1;
  for (size_t i = 0; i < in_flight; ++i) begun[i] = now_ns();
  say(&end, (long)in_flight);
  for (;;) {
    if (flush(&end) != 0) die("send");
    const long whole = hear(&end, poll);
    if (whole < 0) die("recv");
    const uint64_t now = now_ns();
    if (now >= until || count + (size_t)whole > most_times) break;
    if (now >= warm_until && cpu_before < 0) cpu_before = cpu_us();
    for (long i = 0; i < whole; ++i) {
      if (now >= warm_until) times[count++] = (uint32_t)(now - begun[oldest]);
      begun[oldest] = now;
      oldest = (oldest + 1) % in_flight;
    }
    if (whole > 0) say(&end, whole);
  }
  report(times, count, seconds, cpu_us() - cpu_before);
}

int main(int argc, char** argv) {
  if (argc == 5 && strcmp(argv[1], "serve") == 0) {
    serve(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    return 0;
  }
  const size_t in_flight = argc == 7 ? strtoul(argv[6], NULL, 10) : 0;
  if (argc != 7 || strcmp(argv[1], "ask") != 0 || in_flight < 1 || in_flight > most_in_flight) {
    fprintf(stderr,
            "usage: picket_http2_floor serve PORT REQUEST RESPONSE | ask PORT REQUEST RESPONSE SECONDS IN_FLIGHT\n");
    return 2;
  }
  ask(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10), strtod(argv[5], NULL), in_flight);
  return 0;
}
