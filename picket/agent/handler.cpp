#include "picket/agent/handler.hpp"

namespace picket::agent {

base::Status Handler::on_configure(const wire::Value&, Context&) { return {}; }

}  // namespace picket::agent
