#include "apps/waf/engine.hpp"

#include <modsecurity/modsecurity.h>

#include "apps/waf/shared_collection.hpp"

namespace picket::apps::waf {

std::shared_ptr<Engine> Engine::create() { return std::shared_ptr<Engine>(new Engine()); }

Engine::Engine() : modsecurity_(std::make_unique<modsecurity::ModSecurity>()) {
  modsecurity_->setConnectorInformation("picket-waf");
  // Matches are read from the transaction, where those of disruptive rules are too; the callback never sees these.
  // Without a callback the library would print each match to standard error.
  modsecurity_->setServerLogCb([](void*, const void*) {}, modsecurity::RuleMessageLogProperty);
  for (auto* const collection :
       {&modsecurity_->m_global_collection, &modsecurity_->m_resource_collection, &modsecurity_->m_ip_collection,
        &modsecurity_->m_session_collection, &modsecurity_->m_user_collection})
    *collection = new SharedCollection(std::unique_ptr<SharedCollection::Base>(*collection));  // the library deletes it
}

Engine::~Engine() = default;

}  // namespace picket::apps::waf
