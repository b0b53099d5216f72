#include "picket/agent/internal/dialled_name.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace picket::agent::internal {
namespace {

bool has(const std::vector<transport::Endpoint>& all, const transport::Endpoint& one) {
  return std::ranges::find(all, one.text(), &transport::Endpoint::text) != all.end();
}

}  // namespace

DialledName::DialledName(transport::Worker& worker, std::shared_ptr<DialledHost> host, const DialOptions& options,
                         Owner& owner, std::function<void(std::string_view)> log)
    : host_(std::move(host)),
      name_(host_->current().endpoint()),
      owner_(owner),
      log_(std::move(log)),
      watch_(worker, transport::dns::Options{.servers = options.resolvers}, name_, *this) {}

void DialledName::on_places(std::span<const transport::dns::Place> places) {
  std::vector<transport::Endpoint> now;
  for (const auto& place : places) now.push_back(name_.at(place.address));
  const auto before = std::exchange(addresses_, now);
  for (const auto& address : before)
    if (!has(now, address)) owner_.on_proxy_left(address);
  for (const auto& address : now)
    if (!has(before, address)) owner_.on_proxy(host_, address);
}

void DialledName::on_trouble(const base::Error& why) {
  say(fmt::format("{}: {}, tried on: {}", name_.spelled(),
                  addresses_.empty() ? "no proxy is known" : "those that are known are used on", why.detail()));
}

void DialledName::on_well_again() {
  say(fmt::format("{}: its name is looked up again without trouble", name_.spelled()));
}

void DialledName::say(std::string_view line) const {
  if (log_) log_(line);
}

}  // namespace picket::agent::internal
