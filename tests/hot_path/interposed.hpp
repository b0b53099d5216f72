#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace picket::tests {

/// What this thread has asked of the C library so far. Linking interposed.cpp puts it in between.
/// Thread safety: each thread sees its own.
struct Calls {
  std::uint64_t clock_reads = 0;  ///< clock_gettime, gettimeofday
  std::uint64_t polls = 0;        ///< epoll_wait that does not wait
  std::uint64_t arms = 0;         ///< epoll_ctl
  std::uint64_t locks = 0;        ///< pthread_mutex_lock and its kin
  std::uint64_t writes = 0;       ///< sendmsg
  std::uint64_t reads = 0;        ///< recv and its kin, where they brought something
};
[[nodiscard]] Calls calls() noexcept;

/// A write or read that went well: which descriptor, which memory, as far as it was written or filled.
struct Transfer {
  int descriptor;
  bool write;
  std::vector<iovec> parts;
};

/// Keeps what any thread writes and reads, by sendmsg, recvmsg, recv, readv and read, until end() or its own end. One
/// at a time.
class Recording {
 public:
  Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording();
  [[nodiscard]] std::vector<Transfer> end();
};

}  // namespace picket::tests
