// Tells the upstream whose request it is: the customer of an API key, which itself goes no further. The proxy's
// configuration has the keys: config { keys { "k-1" "acme"; "k-2" "globex" } }
// Run it: enrich_headers --listen unix:/tmp/enrich.sock
#include <map>
#include <string>
#include <utility>

#include "picket/agent/serve.hpp"

using namespace picket::agent;
namespace wire = picket::wire;
namespace base = picket::base;

namespace {

using Customers = std::map<std::string, std::string, std::less<>>;

/// What one proxy has configured. Every connection has its own, so two proxies may have different keys.
struct Configured {
  Customers customers;
};

class EnrichHeaders final : public HandlerWith<NoState, Configured> {
 public:
  Info info() const override { return {.id = "enrich-headers", .version = "1"}; }

  Acceptance on_configure(const wire::Value& config, Context& context) override {
    const wire::Value* const keys = config.find("keys");
    const auto* const members = keys != nullptr ? keys->get<wire::Value::Object>() : nullptr;
    if (members == nullptr) return base::fail(base::ErrorKind::invalid_message, "config has no 'keys { … }'");
    Customers customers;
    for (const wire::Member& member : *members) {
      const auto* const customer = member.value.get<std::string_view>();
      if (customer == nullptr)
        return base::fail(base::ErrorKind::invalid_message, "a key is followed by its customer, a text");
      customers.emplace(member.name, *customer);
    }
    context.connection()->customers = std::move(customers);
    return base::Status{};
  }

  Reply on_request_headers(const RequestHeaders& request, Context& context) override {
    const Customers& customers = context.connection()->customers;
    const auto found = customers.find(request.headers.find("x-api-key").value_or(""));
    if (found == customers.end()) return Decision::block(401).body("no valid x-api-key\n").reason("unknown-key");
    return Decision::allow().set_request_header("x-customer", found->second).remove_request_header("x-api-key");
  }
};

}  // namespace

int main(int argc, char** argv) { return serve<EnrichHeaders>(argc, argv); }
