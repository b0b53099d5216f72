#include "picket/http/path_readings.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace picket::http {
namespace {

using namespace std::string_view_literals;

/// What a step writes: never more than it has read.
class Writer {
 public:
  Writer(std::size_t most, base::Arena& arena) : space_(arena.allocate_array<char>(most)) {}

  void put(char c) noexcept { space_[size_++] = c; }
  void put(std::string_view text) noexcept {
    std::ranges::copy(text, space_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
  }
  void truncate(std::size_t size) noexcept { size_ = size; }
  [[nodiscard]] std::string_view text() const noexcept { return {space_.data(), size_}; }

 private:
  std::span<char> space_;
  std::size_t size_ = 0;
};

// ---- escapes

/// One character as a decoder sees it.
struct Decoded {
  char value;
  std::size_t size;  ///< bytes of the path; 0: no escape
};

std::optional<unsigned> hex(std::string_view digits) noexcept {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

Decoded decode_byte(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return {0, 0};
  const auto value = hex(text.substr(1, 2));
  return value ? Decoded{static_cast<char>(*value), 3} : Decoded{0, 0};
}

bool is_slash(char c) noexcept { return c == '/' || c == '\\'; }
bool is_unreserved(char c) noexcept {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}
bool is_any(char /*c*/) noexcept { return true; }
bool is_no_slash(char c) noexcept { return !is_slash(c); }

template <Decoded (*Decode)(std::string_view), bool (*Wanted)(char)>
std::string_view decode(std::string_view path, base::Arena& arena) {
  if (path.find('%') == std::string_view::npos) return path;
  Writer out{path.size(), arena};
  for (std::size_t i = 0; i < path.size();) {
    const Decoded decoded = Decode(path.substr(i));
    const bool taken = decoded.size != 0 && Wanted(decoded.value);
    out.put(taken ? decoded.value : path[i]);
    i += taken ? decoded.size : 1;
  }
  return out.text().size() == path.size() ? path : out.text();
}

void put_utf8(unsigned point, Writer& out) noexcept {
  if (point < 0x80) return out.put(static_cast<char>(point));
  if (point < 0x800) {
    out.put(static_cast<char>(0xC0U | point >> 6U));
  } else {
    out.put(static_cast<char>(0xE0U | point >> 12U));
    out.put(static_cast<char>(0x80U | (point >> 6U & 0x3FU)));
  }
  out.put(static_cast<char>(0x80U | (point & 0x3FU)));
}

/// %u002f, as IIS has it; the other escapes as well.
std::string_view decode_with_u(std::string_view path, base::Arena& arena) {
  if (path.find("%u") == std::string_view::npos && path.find("%U") == std::string_view::npos) return path;
  Writer out{path.size(), arena};
  for (std::size_t i = 0; i < path.size();) {
    const bool is_marked = path[i] == '%' && i + 6 <= path.size() && (path[i + 1] | 0x20) == 'u';
    if (const auto point = is_marked ? hex(path.substr(i + 2, 4)) : std::nullopt) {
      put_utf8(*point, out);
      i += 6;
      continue;
    }
    const Decoded decoded = decode_byte(path.substr(i));
    out.put(decoded.size != 0 ? decoded.value : path[i]);
    i += std::max<std::size_t>(decoded.size, 1);
  }
  return out.text();
}

// ---- characters that are taken for ASCII

unsigned char byte_at(std::string_view text, std::size_t i) noexcept {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

/// ASCII in more bytes than it needs: C0 AF, E0 80 AF, F0 80 80 AF and on are a slash to decoders that do not check
/// (RFC 3629 §10). Some look at the last six bits of what follows only.
Decoded decode_overlong(std::string_view text) noexcept {
  const unsigned lead = byte_at(text, 0);
  if ((lead == 0xC0 || lead == 0xC1) && text.size() >= 2)
    return {static_cast<char>((lead & 0x01U) << 6U | (byte_at(text, 1) & 0x3FU)), 2};
  constexpr std::array<unsigned char, 4> leads{0xE0, 0xF0, 0xF8, 0xFC};  // of three to six bytes
  const auto* const found = std::ranges::find(leads, lead);
  if (found == leads.end()) return {0, 0};
  const std::size_t size = 3 + static_cast<std::size_t>(found - leads.begin());
  for (std::size_t i = 1; i + 2 < size; ++i)
    if (byte_at(text, i) != 0x80) return {0, 0};
  const unsigned high = byte_at(text, size - 2);
  const unsigned low = byte_at(text, size - 1);
  if ((high != 0x80 && high != 0x81) || (low & 0xC0U) != 0x80) return {0, 0};
  return {static_cast<char>((high & 0x01U) << 6U | (low & 0x3FU)), size};
}

struct Lookalike {
  std::string_view bytes;
  char ascii;
};
/// What compatibility decomposition (Unicode NFKC) and Windows' best fit make signs of that mean something in a path.
constexpr std::array<Lookalike, 15> lookalikes{{{"\xE2\x88\x95", '/'},
                                                {"\xE2\x81\x84", '/'},
                                                {"\xE2\x88\x96", '\\'},
                                                {"\xEF\xB9\xA8", '\\'},
                                                {"\xE2\xA7\xB5", '\\'},
                                                {"\xE2\xA7\xB8", '/'},
                                                {"\xE2\x80\xA4", '.'},
                                                {"\xEF\xB9\x92", '.'},
                                                {"\xE3\x80\x82", '.'},
                                                {"\xEF\xBD\xA1", '.'},
                                                {"\xCD\xBE", ';'},
                                                {"\xEF\xB9\x94", ';'},
                                                {"\xEF\xB9\x96", '?'},
                                                {"\xEF\xB9\x9F", '#'},
                                                {"\xEF\xB9\xAA", '%'}}};

/// Full-width forms (U+FF01 to U+FF5E are ! to ~) and other signs that look like ASCII.
Decoded decode_lookalike(std::string_view text) noexcept {
  for (const auto& sign : lookalikes)
    if (text.starts_with(sign.bytes)) return {sign.ascii, sign.bytes.size()};
  if (byte_at(text, 0) != 0xEF || text.size() < 3) return {0, 0};
  const unsigned point = (byte_at(text, 1) & 0x3FU) << 6U | (byte_at(text, 2) & 0x3FU);
  const bool is_full_width = byte_at(text, 1) >= 0xBC && point >= 0xF01 && point <= 0xF5E;
  return is_full_width ? Decoded{static_cast<char>(point - 0xF00 + 0x20), 3} : Decoded{0, 0};
}

template <Decoded (*Decode)(std::string_view)>
std::string_view fold(std::string_view path, base::Arena& arena) {
  if (std::ranges::none_of(path, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) return path;
  Writer out{path.size(), arena};
  for (std::size_t i = 0; i < path.size();) {
    const Decoded decoded = Decode(path.substr(i));
    out.put(decoded.size != 0 ? decoded.value : path[i]);
    i += std::max<std::size_t>(decoded.size, 1);
  }
  return out.text();
}

// ---- separators

std::string_view turn_backslashes(std::string_view path, base::Arena& arena) {
  if (path.find('\\') == std::string_view::npos) return path;
  Writer out{path.size(), arena};
  for (const char c : path) out.put(c == '\\' ? '/' : c);
  return out.text();
}

std::string_view merge_slashes(std::string_view path, base::Arena& arena) {
  if (path.find("//") == std::string_view::npos) return path;
  Writer out{path.size(), arena};
  for (std::size_t i = 0; i < path.size(); ++i)
    if (i == 0 || path[i] != '/' || path[i - 1] != '/') out.put(path[i]);
  return out.text();
}

template <char Mark>
std::string_view cut_at(std::string_view path, base::Arena& /*arena*/) {
  return path.substr(0, path.find(Mark));
}

/// As WHATWG's URL parser reads a path that it is given for a whole reference (RFC 3986 §4.2): //x/a is /a of host x.
std::string_view strip_host(std::string_view path, base::Arena& /*arena*/) {
  if (!path.starts_with("//")) return path;
  const std::size_t end = path.find('/', 2);
  return end == std::string_view::npos ? path.substr(0, 1) : path.substr(end);
}

/// The same parser drops tabs and line ends anywhere, and blanks at the end.
std::string_view drop_white_space(std::string_view path, base::Arena& arena) {
  constexpr std::string_view dropped = "\t\r\n";
  const std::string_view trimmed = path.substr(0, path.find_last_not_of(" \t\r\n") + 1);
  if (trimmed.find_first_of(dropped) == std::string_view::npos) return trimmed;
  Writer out{trimmed.size(), arena};
  for (const char c : trimmed)
    if (!dropped.contains(c)) out.put(c);
  return out.text();
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// Readers that keep text in C strings or clean it up drop what is no character.
std::string_view drop_controls(std::string_view path, base::Arena& arena) {
  if (std::ranges::none_of(path, is_control)) return path;
  Writer out{path.size(), arena};
  for (const char c : path)
    if (!is_control(c)) out.put(c);
  return out.text();
}

// ---- segments

/// Takes a path's next segment off its front, with the slash before it.
std::string_view next_segment(std::string_view& rest) noexcept {
  const std::string_view segment = rest.substr(0, std::min(rest.find('/', 1), rest.size()));
  rest.remove_prefix(segment.size());
  return segment;
}

/// What stands behind a semicolon belongs to the segment and not to its name (RFC 3986 §3.3).
std::string_view strip_parameters(std::string_view path, base::Arena& arena) {
  if (path.find(';') == std::string_view::npos) return path;
  Writer out{path.size(), arena};
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view segment = next_segment(rest);
    out.put(segment.substr(0, segment.find(';')));
  }
  return out.text();
}

bool is_dot_segment(std::string_view segment) noexcept { return segment == "/." || segment == "/.."; }

bool has_dot_segment(std::string_view path) noexcept {
  if (path.find("/.") == std::string_view::npos) return false;
  while (!path.empty())
    if (is_dot_segment(next_segment(path))) return true;
  return false;
}

/// RFC 3986 §5.2.4.
std::string_view remove_dot_segments(std::string_view path, base::Arena& arena) {
  if (!has_dot_segment(path)) return path;
  Writer out{path.size(), arena};
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view segment = next_segment(rest);
    if (!is_dot_segment(segment)) {
      out.put(segment);
      continue;
    }
    if (const std::size_t parent = out.text().rfind('/'); segment == "/.." && parent != std::string_view::npos)
      out.truncate(parent);
    if (rest.empty()) out.put('/');
  }
  return out.text();
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\xA0' || c == '\x85' || is_control(c);  // Latin-1's blanks, too
}
bool is_dot(char c) noexcept { return c == '.'; }

/// Windows takes a name that ends in blanks or dots for the one without them. Segments of dots alone stay: they mean
/// something else.
template <bool (*Dropped)(char)>
std::string_view strip_ends(std::string_view path, base::Arena& arena) {
  Writer out{path.size(), arena};
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view segment = next_segment(rest);
    std::size_t size = segment.size();
    while (size > 1 && Dropped(segment[size - 1])) --size;
    const bool is_nothing_else = size <= 1 && Dropped('.');
    out.put(is_nothing_else ? segment : segment.substr(0, size));
  }
  return out.text().size() == path.size() ? path : out.text();
}

// In the order in which servers mostly do it, so that what an attack aims at is found early.
constexpr std::array<ReadingStep, 20> steps{{
    {"escapes decoded", true, decode<decode_byte, is_any>},
    {"backslashes are slashes", false, turn_backslashes},
    {"parameters stripped from segments", false, strip_parameters},
    {"doubled slashes merged", false, merge_slashes},
    {"dot segments removed", false, remove_dot_segments},
    {"cut at a question mark", false, cut_at<'?'>},
    {"cut at a hash", false, cut_at<'#'>},
    {"cut at a NUL", false, cut_at<'\0'>},
    {"cut at a semicolon", false, cut_at<';'>},
    {"a host behind two slashes stripped", false, strip_host},
    {"white space dropped", false, drop_white_space},
    {"overlong UTF-8 read as ASCII", false, fold<decode_overlong>},
    {"full-width characters read as ASCII", false, fold<decode_lookalike>},
    {"control characters dropped", false, drop_controls},
    {"blanks stripped from the ends of segments", false, strip_ends<is_blank>},
    {"dots stripped from the ends of segments", false, strip_ends<is_dot>},
    {"escapes decoded but of slashes", true, decode<decode_byte, is_no_slash>},
    {"escapes of slashes decoded", true, decode<decode_byte, is_slash>},
    {"escapes of letters, digits and dots decoded (RFC 3986 §6.2.2.2)", true, decode<decode_byte, is_unreserved>},
    {"escapes decoded that no standard has", true, decode_with_u},
}};

/// Characters that steps look for, beside slashes and dots.
constexpr auto step_characters = [] {
  std::array<bool, 256> table{};
  for (const char c : "%;\\?# \x7F"sv) table[static_cast<unsigned char>(c)] = true;
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  for (std::size_t c = 0x80; c < table.size(); ++c) table[c] = true;
  return table;
}();

/// The readings found so far.
class Found {
 public:
  explicit Found(base::Arena& arena) : readings_(arena) {}

  void add(std::string_view reading) {
    if (std::ranges::find(readings_.items(), reading) != readings_.items().end()) return;
    bytes_ += reading.size();
    if (readings_.size() == max_readings || bytes_ > max_reading_bytes) full_ = true;
    if (!full_) readings_.push_back(reading);
  }
  [[nodiscard]] bool full() const noexcept { return full_; }
  [[nodiscard]] std::size_t size() const noexcept { return readings_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept { return readings_.items()[i]; }
  [[nodiscard]] std::span<const std::string_view> all() const noexcept { return readings_.items(); }

 private:
  base::ArenaList<std::string_view> readings_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

/// Applies all steps of one kind to the readings from `begin` on; with `repeat`, to what comes of them too.
void apply_steps(Found& found, std::size_t begin, bool decoding, bool repeat, base::Arena& arena) {
  std::size_t end = found.size();
  for (std::size_t i = begin; i < end && !found.full(); ++i) {
    for (const auto& step : steps)
      if (step.decodes == decoding && !found.full()) found.add(step.apply(found[i], arena));
    if (repeat) end = found.size();
  }
}

}  // namespace

std::span<const ReadingStep> reading_steps() noexcept { return steps; }

bool has_one_reading(std::string_view path) noexcept {
  bool may_have_dots = false;
  char before = '\0';
  for (const char c : path) {
    if (step_characters[static_cast<unsigned char>(c)]) return false;
    if (c == '/' && (before == '/' || before == '.')) return false;
    may_have_dots = may_have_dots || (c == '.' && before == '/');
    before = c;
  }
  return before != '.' && (!may_have_dots || !has_dot_segment(path));
}

std::optional<std::span<const std::string_view>> readings_of(std::string_view path, base::Arena& arena) {
  Found found{arena};
  found.add(path);
  std::size_t level = 0;  // where the readings begin that took as many decodings
  for (std::size_t decodings = 0;; ++decodings) {
    apply_steps(found, level, false, true, arena);
    if (decodings == max_decodings) break;
    const std::size_t next = found.size();
    apply_steps(found, level, true, false, arena);
    level = next;
  }
  if (found.full()) return std::nullopt;
  return found.all();
}

}  // namespace picket::http
