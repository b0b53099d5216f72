#include "apps/gateway/generation/upstream_tls.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace picket::apps::gateway::generation {

base::Result<UpstreamContext> tls_of(const config::Upstream& upstream, std::span<const UpstreamContext> previous) {
  UpstreamContext made{.options = upstream.tls, .context = nullptr};
  if (!made.options) return made;
  made.options->edition = transport::tls::edition_of(*made.options);
  const auto same = std::ranges::find(previous, made.options, &UpstreamContext::options);
  if (same != previous.end()) return *same;
  auto context = transport::tls::Context::client(*made.options);
  if (!context)
    return base::fail(context.error().kind(),
                      fmt::format("upstream \"{}\": {}", upstream.id, context.error().detail()));
  made.context = std::move(*context);
  return made;
}

std::vector<std::string> warnings_of(const config::Upstream& upstream, const UpstreamContext& tls) {
  std::vector<std::string> all;
  if (tls.context == nullptr) return all;
  for (const std::string& warning : tls.context->warnings())
    all.push_back(fmt::format("upstream \"{}\": {}", upstream.id, warning));
  return all;
}

}  // namespace picket::apps::gateway::generation
