#include "picket/transport/dns/watch.hpp"

#include <utility>

#include <fmt/format.h>

namespace picket::transport::dns {

Watch::Watch(Worker& worker, Options options, Endpoint name, Owner& owner)
    : worker_(worker),
      options_(std::move(options)),
      name_(std::move(name)),
      owner_(owner),
      knowledge_(options_.longest_ttl),
      timer_([](void* self, base::TimePoint) { static_cast<Watch*>(self)->look_up(); }, this) {
  look_up();
}

void Watch::look_up() {
  look_up_.emplace(worker_, options_, name_, [this](Findings findings) { on_found(std::move(findings)); });
}

void Watch::on_found(Findings findings) {
  look_up_.reset();
  const Knowledge::News news = knowledge_.learn(std::move(findings));
  worker_.timers().arm(timer_, worker_.now() + news.pause);
  if (!news.is_whole) owner_.on_failure();
  if (news.places) owner_.on_places(knowledge_.places());
  if (news.left_out != 0)
    owner_.on_trouble(base::fail(
        base::ErrorKind::connection_failed,
        fmt::format("'{}' has {} addresses more than the {} that are used", name_.text(), news.left_out, most_places)));
  if (news.trouble) owner_.on_trouble(*news.trouble);
  if (news.is_well_again) owner_.on_well_again();
}

}  // namespace picket::transport::dns
