#include "picket/agent/handler.hpp"

namespace picket::agent {

Acceptance Handler::on_configure(const wire::Value&, Context&) { return {}; }

}  // namespace picket::agent
