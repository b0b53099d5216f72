#include "picket/pool/config.hpp"

namespace picket::pool {

using std::chrono::seconds;

Config Config::high_throughput() {
  Config config;
  config.connections_per_agent = 8;
  config.load_balance_strategy = LoadBalanceStrategy::least_connections;
  config.max_concurrent_per_connection = 200;
  config.flow_control_mode = FlowControlMode::wait_and_retry;
  return config;
}

Config Config::low_latency() {
  Config config;
  config.connections_per_agent = 2;
  config.load_balance_strategy = LoadBalanceStrategy::least_connections;
  config.max_concurrent_per_connection = 50;
  config.connect_timeout = seconds{1};
  config.request_timeout = seconds{1};
  config.health_check_interval = seconds{2};
  return config;
}

}  // namespace picket::pool
