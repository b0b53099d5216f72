#include "apps/guard/budget.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::string_view first_line = "picket-guard budget 1\n";
constexpr std::string_view shared_name = "shared";

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::optional<std::string> bytes_of(std::string_view hex) {
  std::string bytes;
  if (hex.size() != 64) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = base::hex_value(hex[i]);
    const int low = base::hex_value(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

/// The word before the next space or the line's end; takes it off the line.
std::string_view next_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

template <class Number>
std::optional<Number> number_of(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string Budget::name_of_key(std::string_view key) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Budget::Time Budget::now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

void Budget::correct(Account& account, Time now) {
  if (account.begin <= now) return;
  account.begin = now;
  ++version_;
}

/// Who has no account may be anybody, so that a full table is not searched again before one of its periods ends. That
/// is at most a period away, unless the clock was set back.
void Budget::make_room(Time now) {
  const bool may_have_ended = now >= next_end_ || next_end_ - now > terms_.period;
  if (accounts_.size() < terms_.most_keys || !may_have_ended) return;
  for (auto& [name, account] : accounts_) correct(account, now);
  std::erase_if(accounts_, [&](const auto& entry) { return is_over(entry.second, now); });
  next_end_ = now + terms_.period;
  for (const auto& [name, account] : accounts_) next_end_ = std::min(next_end_, account.begin + terms_.period);
}

Budget::Account* Budget::account_of(const std::string& name, Time now) {
  correct(shared_, now);
  if (const auto found = accounts_.find(name); found != accounts_.end()) {
    correct(found->second, now);
    return &found->second;
  }
  make_room(now);
  return accounts_.size() >= terms_.most_keys ? &shared_ : nullptr;
}

Budget::Account& Budget::account_for(const std::string& name, Time now) {
  Account* const account = account_of(name, now);
  return account != nullptr ? *account : accounts_[name];
}

std::chrono::seconds Budget::wait_of(const std::string& name, Time now) {
  const std::lock_guard lock{mutex_};
  const Account* const account = account_of(name, now);
  if (account == nullptr || is_over(*account, now) || account->spent < terms_.tokens) return {};
  return account->begin + terms_.period - now;
}

void Budget::spend(const std::string& name, std::uint64_t tokens, Time now) {
  if (tokens == 0) return;
  const std::lock_guard lock{mutex_};
  Account& account = account_for(name, now);
  if (is_over(account, now)) account = {.begin = now, .spent = 0};
  account.spent += std::min(tokens, std::numeric_limits<std::uint64_t>::max() - account.spent);
  ++version_;
}

std::size_t Budget::keys() const {
  const std::lock_guard lock{mutex_};
  return accounts_.size();
}

std::uint64_t Budget::version() const {
  const std::lock_guard lock{mutex_};
  return version_;
}

std::string Budget::write(Time now) const {
  std::string text{first_line};
  const auto add = [&](std::string_view name, const Account& account) {
    if (account.spent > 0 && !is_over(account, now))
      text += fmt::format("{} {} {}\n", name, account.begin.time_since_epoch().count(), account.spent);
  };
  const std::lock_guard lock{mutex_};
  add(shared_name, shared_);
  for (const auto& [name, account] : accounts_) add(hex_of(name), account);
  return text;
}

base::Status Budget::read(std::string_view text, Time now) {
  const auto refuse = [](std::size_t number) {
    return base::fail(base::ErrorKind::invalid_message, fmt::format("line {} is none of a file of budgets", number));
  };
  if (!text.starts_with(first_line)) return refuse(1);
  text.remove_prefix(first_line.size());
  const std::lock_guard lock{mutex_};
  for (std::size_t number = 2; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return refuse(number);
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::string_view name = next_word(line);
    const auto begin = number_of<std::int64_t>(next_word(line));
    const auto spent = number_of<std::uint64_t>(line);
    const auto bytes = bytes_of(name);
    if (!begin || !spent || (!bytes && name != shared_name)) return refuse(number);
    // A clock that was wrong then must not bar a key for longer than a period from now.
    const Account account{.begin = std::clamp(Time{std::chrono::seconds{*begin}}, Time{}, now), .spent = *spent};
    if (is_over(account, now)) continue;
    (bytes ? account_for(*bytes, now) : shared_) = account;
  }
  return {};
}

}  // namespace picket::apps::guard
