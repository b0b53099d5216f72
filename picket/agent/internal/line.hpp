#pragma once

#include <memory>
#include <variant>

#include "picket/agent/proxy_handle.hpp"
#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent::internal {

/// What an agent says unasked, and the memory that it refers to.
struct Remark {
  base::Arena memory;
  std::variant<wire::FlowControl, wire::LogMessage, wire::ConfigUpdateRequest> message;
};

/// The way from any thread to one proxy.
class Line {
 public:
  virtual ~Line() = default;
  virtual void say(std::shared_ptr<const Remark> remark) = 0;
  /// `request`: a ConfigUpdateRequest; its id is filled in on the way. `answered` may be empty.
  virtual void ask(std::shared_ptr<Remark> request, ProxyHandle::Answered answered) = 0;
};

}  // namespace picket::agent::internal
