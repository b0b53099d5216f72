#include "apps/gateway/process/spare_memory.hpp"

#include <malloc.h>

namespace picket::apps::gateway::process {

void give_spare_memory_back() noexcept { static_cast<void>(::malloc_trim(0)); }

}  // namespace picket::apps::gateway::process
