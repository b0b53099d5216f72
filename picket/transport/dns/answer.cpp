#include "picket/transport/dns/answer.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "picket/base/host_name.hpp"

namespace picket::transport::dns {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t internet = 1;
// Pointers in one name. Each goes back, and a name has 127 labels at most.
constexpr int most_pointers = 127;
constexpr std::size_t longest_name = 255;

base::Error malformed() {
  return base::fail(base::ErrorKind::invalid_message, "the name server's answer is malformed");
}

/// Reads a message from a place in it on. What it cannot read makes it fail, for good.
class Reader {
 public:
  Reader(std::string_view message, std::size_t at) noexcept : message_(message), at_(at) {}

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] std::uint32_t number(std::size_t size) noexcept {
    std::uint32_t value = 0;
    for (const char byte : bytes(size)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  [[nodiscard]] std::uint16_t short_number() noexcept { return static_cast<std::uint16_t>(number(2)); }
  [[nodiscard]] std::string_view bytes(std::size_t size) noexcept {
    if (failed_ || message_.size() - at_ < size) return fail();
    at_ += size;
    return message_.substr(at_ - size, size);
  }
  /// A name, its labels with dots between. A pointer leads to where the rest of it stands (RFC 1035 §4.1.4); what is
  /// read next is behind the first one.
  std::string name() {
    std::string text;
    Reader rest = *this;
    bool jumped = false;
    for (int pointers = 0; pointers <= most_pointers && text.size() <= longest_name;) {
      const std::uint32_t length = rest.number(1);
      if (length >= pointer_mark) {
        const std::size_t target = (length & ~pointer_mark) << 8 | rest.number(1);
        if (!std::exchange(jumped, true)) *this = rest;
        if (rest.failed_ || target >= message_.size()) break;
        rest.at_ = target;
        ++pointers;
        continue;
      }
      const std::string_view label = length <= longest_label ? rest.bytes(length) : rest.fail();
      if (rest.failed_) break;
      if (length == 0) {
        if (!jumped) *this = rest;
        return text;
      }
      text.append(text.empty() ? "" : ".").append(label);
    }
    fail();
    return {};
  }

 private:
  static constexpr std::uint32_t pointer_mark = 0xC0;
  static constexpr std::uint32_t longest_label = 63;

  std::string_view fail() noexcept {
    failed_ = true;
    return {};
  }

  std::string_view message_;
  std::size_t at_;
  bool failed_ = false;
};

/// One that a connection can be made to, as text; empty: none.
std::string v4_address(std::string_view bytes) {
  if (bytes.size() != sizeof(in_addr) || bytes.front() == 0) return {};
  constexpr unsigned char first_multicast = 224;
  if (static_cast<unsigned char>(bytes.front()) >= first_multicast) return {};
  char text[INET_ADDRSTRLEN] = "";
  return ::inet_ntop(AF_INET, bytes.data(), text, sizeof text);
}

std::string v6_address(std::string_view bytes) {
  in6_addr address{};
  if (bytes.size() != sizeof address) return {};
  std::ranges::copy(bytes, reinterpret_cast<char*>(&address));
  if (IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_MULTICAST(&address) || IN6_IS_ADDR_LINKLOCAL(&address))
    return {};
  char text[INET6_ADDRSTRLEN] = "";
  return ::inet_ntop(AF_INET6, &address, text, sizeof text);
}

void add_address(std::string address, Answer& out) {
  if (!address.empty()) out.addresses.push_back(std::move(address));
}

/// Whether the record could be read. `reader` stands at its data.
bool add_service(Reader reader, Answer& out) {
  Service service;
  service.priority = reader.short_number();
  service.weight = reader.short_number();
  service.port = reader.short_number();
  service.target = reader.name();
  if (reader.failed()) return false;
  // A target of the root alone says that the service is decidedly not there.
  if (service.port != 0 && base::is_host_name(service.target)) out.services.push_back(std::move(service));
  return true;
}

bool read_record(Reader& reader, Type wanted, Answer& out) {
  (void)reader.name();
  const std::uint16_t type = reader.short_number();
  const std::uint16_t record_class = reader.short_number();
  const std::uint32_t ttl = reader.number(4);
  const std::size_t size = reader.short_number();
  const Reader data = reader;
  const std::string_view bytes = reader.bytes(size);
  if (reader.failed()) return false;
  constexpr std::uint32_t sign = 0x80000000;  // with it a time to live is none (RFC 2181 §8)
  out.ttl = std::min<base::Duration>(out.ttl, std::chrono::seconds{(ttl & sign) != 0 ? 0 : ttl});
  if (type != static_cast<std::uint16_t>(wanted) || record_class != internet) return true;
  if (wanted == Type::srv) return add_service(data, out);
  add_address(wanted == Type::a ? v4_address(bytes) : v6_address(bytes), out);
  return true;
}

}  // namespace

base::Result<Answer> read_answer(std::string_view message, Type type) {
  Reader reader{message, 0};
  (void)reader.bytes(4);  // id and flags: who has asked has looked at them
  const std::uint16_t questions = reader.short_number();
  const std::uint16_t answers = reader.short_number();
  (void)reader.bytes(4);  // how many records of other kinds follow
  for (std::uint16_t i = 0; i < questions && !reader.failed(); ++i) {
    (void)reader.name();
    (void)reader.number(4);
  }
  Answer answer{.addresses = {}, .services = {}, .ttl = std::chrono::hours{24}};
  for (std::size_t i = 0; i < std::min<std::size_t>(answers, most_records) && !reader.failed(); ++i)
    if (!read_record(reader, type, answer)) return malformed();
  if (reader.failed() || message.size() < header_size) return malformed();
  return answer;
}

}  // namespace picket::transport::dns
