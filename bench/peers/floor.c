/* What the machine itself takes for the traffic of `picket bench`: frames of given sizes to and fro over a Unix socket,
 * nothing parsed, nothing batched, both sides an epoll loop as a server of many connections has it.
 *
 *   picket_floor serve PATH REQUEST RESPONSE             answers every REQUEST bytes with RESPONSE bytes, for ever
 *   picket_floor ask PATH REQUEST RESPONSE SECONDS [N]   keeps N requests in flight; prints one JSON line
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { buffer_size = 256 * 1024, most_in_flight = 4096, most_times = 1 << 24 };

static char buffer[buffer_size];

static void die(const char* what) {
  perror(what);
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

static struct sockaddr_un address_of(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    fprintf(stderr, "the path is too long: %s\n", path);
    exit(2);
  }
  strcpy(address.sun_path, path);
  return address;
}

static void watch(int poll, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0) die("epoll_ctl");
}

static int wait_for_one(int poll) {
  struct epoll_event event;
  while (epoll_wait(poll, &event, 1, -1) < 0)
    if (errno != EINTR) die("epoll_wait");
  return event.data.fd;
}

/* A whole frame, whatever the kernel takes at once; a full socket is waited for in the call. */
static int send_all(int descriptor, size_t size) {
  for (size_t sent = 0; sent < size;) {
    const ssize_t part = send(descriptor, buffer, size - sent, MSG_NOSIGNAL);
    if (part < 0) return -1;
    sent += (size_t)part;
  }
  return 0;
}

/* Reads what is there; returns how many whole frames of `size` are now complete, keeping the rest in *held. */
static long receive(int descriptor, size_t size, size_t* held) {
  const ssize_t got = recv(descriptor, buffer, buffer_size, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) return -1;
  *held += got > 0 ? (size_t)got : 0;
  const size_t whole = *held / size;
  *held %= size;
  return (long)whole;
}

static void serve(const char* path, size_t request, size_t response) {
  const struct sockaddr_un address = address_of(path);
  unlink(path);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (const struct sockaddr*)&address, sizeof address) != 0) die("bind");
  if (listen(listener, 16) != 0) die("listen");
  const int poll = epoll_create1(0);
  watch(poll, listener);
  static size_t held[1024];
  for (;;) {
    const int ready = wait_for_one(poll);
    if (ready == listener) {
      const int peer = accept(listener, NULL, NULL);
      if (peer < 0 || peer >= 1024) die("accept");
      held[peer] = 0;
      watch(poll, peer);
      continue;
    }
    long frames = receive(ready, request, &held[ready]);
    for (; frames > 0 && send_all(ready, response) == 0; --frames) {
    }
    if (frames != 0) close(ready); /* gone, or it does not take the answer */
  }
}

static int by_time(const void* a, const void* b) {
  const uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
  return x < y ? -1 : x > y;
}

static void report(uint32_t* times, size_t count, double seconds, size_t request, double cpu) {
  if (count == 0) {
    fprintf(stderr, "picket_floor: nothing was answered in time\n");
    exit(1);
  }
  qsort(times, count, sizeof *times, by_time);
  const double rate = (double)count / seconds;
  printf("{\"decisions_per_s\":%.1f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"mib_per_s\":%.1f,\"cpu_us_per_decision\":%.3f}\n",
         rate, times[count / 2] / 1e3, times[count * 99 / 100] / 1e3, rate * (double)request / (1024.0 * 1024.0),
         cpu / (double)count);
}

static void ask(const char* path, size_t request, size_t response, double seconds, size_t in_flight) {
  const struct sockaddr_un address = address_of(path);
  const int peer = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(peer, (const struct sockaddr*)&address, sizeof address) != 0) die("connect");
  const int poll = epoll_create1(0);
  watch(poll, peer);
  static uint64_t begun[most_in_flight];
  uint32_t* const times = malloc(most_times * sizeof *times);
  if (times == NULL) die("malloc");
  const uint64_t warm_until = now_ns() + 100000000u, end = warm_until + (uint64_t)(seconds * 1e9);
  size_t count = 0, held = 0, oldest = 0;
  double cpu_before = -1;
  for (size_t i = 0; i < in_flight; ++i) {
    begun[i] = now_ns();
    if (send_all(peer, request) != 0) die("send");
  }
  for (;;) {
    (void)wait_for_one(poll);
    long frames = receive(peer, response, &held);
    if (frames < 0) die("recv");
    for (; frames > 0; --frames) {
      const uint64_t now = now_ns();
      if (now >= end || count == most_times) {
        report(times, count, seconds, request, cpu_us() - cpu_before);
        return;
      }
      if (now >= warm_until) {
        if (cpu_before < 0) cpu_before = cpu_us();
        times[count++] = (uint32_t)(now - begun[oldest]);
      }
      begun[oldest] = now;
      oldest = (oldest + 1) % in_flight;
      if (send_all(peer, request) != 0) die("send");
    }
  }
}

int main(int argc, char** argv) {
  if (argc == 5 && strcmp(argv[1], "serve") == 0) {
    serve(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    return 0;
  }
  const size_t in_flight = argc == 7 ? strtoul(argv[6], NULL, 10) : 1;
  if (argc < 6 || strcmp(argv[1], "ask") != 0 || in_flight < 1 || in_flight > most_in_flight) {
    fprintf(stderr,
            "usage: picket_floor serve PATH REQUEST RESPONSE | ask PATH REQUEST RESPONSE SECONDS [IN_FLIGHT]\n");
    return 2;
  }
  ask(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10), strtod(argv[5], NULL), in_flight);
  return 0;
}
