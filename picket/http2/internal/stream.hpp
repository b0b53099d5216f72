#pragma once

#include <cstddef>

#include "picket/base/arena.hpp"
#include "picket/base/headers.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/http2/connection.hpp"
#include "picket/http2/send_window.hpp"

namespace picket::http2::internal {

/// What a connection knows of one stream.
struct Stream : base::Recycled {
  explicit Stream(StreamId which) : id(which) {}

  /// How what it sends ends.
  enum class Ending : std::uint8_t {
    open,      ///< More may be added.
    finished,  ///< Behind the bytes that are there.
    trailers,  ///< Behind them, with trailers.
  };

  StreamId id;
  Outgoing* body = nullptr;
  std::size_t promised = 0;  // bytes of the body that stand in frames already
  SendWindow window;
  Ending ending = Ending::open;
  bool is_waiting = false;   // nghttp2 asks for the body again once it is told that there is more
  bool has_closed = false;   // as nghttp2 has it
  bool is_reset = false;     // by this end
  bool has_request = false;  // servers: a head came, so what comes next are trailers
  bool has_response = false;
  ErrorCode code = ErrorCode::no_error;
  base::RecycledVector<base::Header> trailers;
  base::Arena sent{256};  // the trailers' text

  // The head that is being read.
  base::Arena arena{512, 4096};
  base::RecycledVector<base::Header> fields;
  std::size_t head_size = 0;
  bool is_oversized = false;
};

}  // namespace picket::http2::internal
