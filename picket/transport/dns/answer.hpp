#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"

namespace picket::transport::dns {

/// What a name server is asked for: the numbers of the records (RFC 1035 §3.2.2, RFC 3596, RFC 2782). The values are
/// those on the wire.
enum class Type : std::uint16_t { a = 1, aaaa = 28, srv = 33 };

/// One record of a service: a host, and how it is to be chosen.
struct Service {
  std::string target;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;  ///< The least goes first.
  std::uint16_t weight = 0;    ///< Among those of one priority.
};

/// What a name server answered. A value. More than most_records records are not looked at.
struct Answer {
  std::vector<std::string> addresses;  ///< IP addresses as text; of A and AAAA.
  std::vector<Service> services;       ///< Of SRV.
  base::Duration ttl{};                ///< The least of the records that led here, names of names included.
};

/// Records of one answer that are looked at: a name server must not make this process hold what it likes.
inline constexpr std::size_t most_records = 128;

/// Reads the records of `type` in an answer of a name server (RFC 1035 §4). Addresses that cannot be connected to
/// (unspecified, multicast, link-local without its interface) and targets that are no host are left out. Pure; any
/// bytes may come. Errors: invalid_message. Complexity: linear; a name whose pointers go in circles is malformed.
[[nodiscard]] base::Result<Answer> read_answer(std::string_view message, Type type);

}  // namespace picket::transport::dns
