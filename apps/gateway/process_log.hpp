#pragma once

#include "apps/gateway/config/model.hpp"

namespace picket::apps::gateway {

/// Sets the process's own log (standard error) to what the configuration says. Call it again after a reload.
void set_process_log(const config::Observability& observability);

}  // namespace picket::apps::gateway
