#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/check.hpp"
#include "picket/base/host_name.hpp"
#include "picket/transport/dns/answer.hpp"
#include "picket/transport/endpoint.hpp"

namespace dns = picket::transport::dns;
using picket::fuzz::require;

namespace {

/// What a name server says is malformed, or hosts and addresses that a connection could be made to, and not too many.
void check(std::string_view message, dns::Type type) {
  const auto answer = dns::read_answer(message, type);
  if (!answer) return;
  require(answer->addresses.size() + answer->services.size() <= dns::most_records, "records have a bound");
  require(answer->ttl >= picket::base::Duration::zero(), "a time to live is none or some");
  for (const auto& address : answer->addresses)
    require(picket::transport::Endpoint::tcp(address, 1).has_value(), "an address is one");
  for (const auto& service : answer->services)
    require(service.port != 0 && picket::base::is_host_name(service.target), "a service is at a port of a host");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message = picket::fuzz::text_of(data, size);
  for (const dns::Type type : {dns::Type::a, dns::Type::aaaa, dns::Type::srv}) check(message, type);
  return 0;
}
