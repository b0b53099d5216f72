#pragma once

#include <array>

#include "apps/cli/conform/proxies/proxy.hpp"

/// What a proxy has to do, by theme.
namespace picket::apps::cli::conform::proxies {

[[nodiscard]] ProxyRules connection_rules() noexcept;
[[nodiscard]] ProxyRules registration_rules() noexcept;
[[nodiscard]] ProxyRules configuring_rules() noexcept;
[[nodiscard]] ProxyRules event_rules() noexcept;
[[nodiscard]] ProxyRules decision_rules() noexcept;
[[nodiscard]] ProxyRules forwarding_rules() noexcept;
[[nodiscard]] ProxyRules response_rules() noexcept;
[[nodiscard]] ProxyRules stream_rules() noexcept;
[[nodiscard]] ProxyRules verdict_rules() noexcept;
[[nodiscard]] ProxyRules hostile_rules() noexcept;
[[nodiscard]] ProxyRules form_rules() noexcept;
[[nodiscard]] ProxyRules control_rules() noexcept;
[[nodiscard]] ProxyRules grpc_rules() noexcept;

/// All of them, in the order in which they are tested.
[[nodiscard]] inline std::array<ProxyRules, 13> proxy_rules() noexcept {
  return {connection_rules(), registration_rules(), configuring_rules(), event_rules(),   decision_rules(),
          forwarding_rules(), response_rules(),     stream_rules(),      verdict_rules(), hostile_rules(),
          form_rules(),       control_rules(),      grpc_rules()};
}

}  // namespace picket::apps::cli::conform::proxies
