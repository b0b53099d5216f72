#include "apps/gateway/logs/access_log.hpp"

#include <array>
#include <utility>

#include "apps/gateway/logs/combined_line.hpp"

namespace picket::apps::gateway::logs {
namespace {

using config::AccessField;

/// What becomes of a text that is empty.
enum class Empty : std::uint8_t { written, null, left_out };

struct TextField {
  AccessField field;
  std::string_view AccessEntry::* member;
  Empty empty;
};
constexpr std::array texts{
    TextField{AccessField::id, &AccessEntry::id, Empty::written},
    TextField{AccessField::client, &AccessEntry::client, Empty::written},
    TextField{AccessField::method, &AccessEntry::method, Empty::written},
    TextField{AccessField::uri, &AccessEntry::uri, Empty::written},
    TextField{AccessField::host, &AccessEntry::host, Empty::null},
    TextField{AccessField::protocol, &AccessEntry::protocol, Empty::null},
    TextField{AccessField::upstream, &AccessEntry::upstream, Empty::null},
    TextField{AccessField::upstream_error, &AccessEntry::upstream_error, Empty::left_out},
    TextField{AccessField::decision, &AccessEntry::decision, Empty::null},
    TextField{AccessField::agent, &AccessEntry::agent, Empty::null},
    TextField{AccessField::reason, &AccessEntry::reason, Empty::null},
    TextField{AccessField::detail, &AccessEntry::detail, Empty::left_out},
    TextField{AccessField::user_agent, &AccessEntry::user_agent, Empty::null},
    TextField{AccessField::referer, &AccessEntry::referer, Empty::left_out},
    TextField{AccessField::tls_version, &AccessEntry::tls_version, Empty::left_out},
    TextField{AccessField::tls_cipher, &AccessEntry::tls_cipher, Empty::left_out},
    TextField{AccessField::client_cert, &AccessEntry::client_cert, Empty::left_out},
    TextField{AccessField::client_cert_fingerprint, &AccessEntry::client_cert_fingerprint, Empty::left_out},
};

/// By AccessField; null for those that are no text.
constexpr auto texts_by_field = [] {
  std::array<const TextField*, config::access_field_names.size()> table{};
  for (const TextField& text : texts) table[static_cast<std::size_t>(text.field)] = &text;
  return table;
}();

std::vector<AccessField> all_fields() {
  std::vector<AccessField> all;
  for (std::size_t i = 0; i < config::access_field_names.size(); ++i) all.push_back(static_cast<AccessField>(i));
  return all;
}

std::uint64_t in_microseconds(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

}  // namespace

AccessLog::AccessLog(LineQueue* lines, config::AccessFormat format, std::vector<AccessField> fields)
    : lines_(lines), format_(format), fields_(fields.empty() ? all_fields() : std::move(fields)) {}

void AccessLog::write(const AccessEntry& entry) {
  if (lines_ == nullptr) return;
  if (format_ == config::AccessFormat::combined) {
    combined_.clear();
    write_combined(combined_, entry, timestamps_.now());
    lines_->push(combined_);
  } else {
    line_.begin();
    for (const AccessField field : fields_) write_field(field, entry);
    lines_->push(line_.end());
  }
}

void AccessLog::write_field(AccessField field, const AccessEntry& entry) {
  const std::string_view name = config::access_field_names[static_cast<std::size_t>(field)];
  if (const TextField* const text = texts_by_field[static_cast<std::size_t>(field)]) {
    const std::string_view value = entry.*text->member;
    if (!value.empty() || text->empty == Empty::written) return line_.text(name, value);
    if (text->empty == Empty::null) line_.null(name);
    return;
  }
  switch (field) {
    case AccessField::ts: return line_.text(name, timestamps_.now());
    case AccessField::status: return line_.number(name, entry.status);
    case AccessField::bytes_in: return line_.number(name, entry.bytes_in);
    case AccessField::bytes_out: return line_.number(name, entry.bytes_out);
    case AccessField::duration_us: return line_.number(name, in_microseconds(entry.duration));
    case AccessField::upstream_us:
      if (entry.upstream_time) line_.number(name, in_microseconds(*entry.upstream_time));
      return;
    default: return;  // a text
  }
}

}  // namespace picket::apps::gateway::logs
