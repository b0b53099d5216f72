#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "picket/transport/worker.hpp"

namespace picket::transport {

/// The reactor and what keeps it waiting while nothing is pending.
struct Worker::Loop {
  explicit Loop(int concurrency) : context(concurrency) {}
  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard =
      boost::asio::make_work_guard(context);
};

}  // namespace picket::transport
