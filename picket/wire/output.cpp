#include "picket/wire/output.hpp"

#include <algorithm>

namespace picket::wire {
namespace {

// Below this many bytes a copy is cheaper than one more iovec in the system call.
constexpr std::size_t copy_below = 512;

iovec as_iovec(const void* data, std::size_t size) noexcept { return {const_cast<void*>(data), size}; }

}  // namespace

void Output::splice(base::ByteView body) {
  if (body.size() < copy_below) {
    append(base::as_text(body));
    return;
  }
  splices_.push_back({consumed_ + bytes_.size(), body});
  size_ += body.size();
}

void Output::rewind(const Mark& mark) noexcept {
  bytes_.truncate(mark.bytes);
  splices_.resize(mark.splices);
  size_ = mark.size;
}

std::size_t Output::gather(std::span<iovec> out) const noexcept {
  std::size_t used = 0;
  std::size_t from = 0;  // in what is left of bytes_
  const auto add = [&](const void* data, std::size_t size) {
    if (size != 0 && used < out.size()) out[used++] = as_iovec(data, size);
  };
  for (const auto& splice : splices_) {
    if (used + 1 >= out.size()) return used;
    const std::size_t at = splice.at - consumed_;
    add(bytes_.data() + from, at - from);
    add(splice.body.data(), splice.body.size());
    from = at;
  }
  add(bytes_.data() + from, bytes_.size() - from);
  return used;
}

void Output::consume_around_splices(std::size_t size) noexcept {
  std::size_t finished = 0;
  while (size != 0) {
    const std::size_t before =
        finished < splices_.size() ? splices_[finished].at - consumed_ : bytes_.size();  // bytes_ before the next body
    const std::size_t own = std::min(size, before);
    bytes_.consume(own);
    consumed_ += own;
    size -= own;
    if (size == 0) break;
    auto& body = splices_[finished].body;
    const std::size_t lent = std::min(size, body.size());
    body = body.subspan(lent);
    size -= lent;
    if (body.empty()) ++finished;
  }
  splices_.erase(splices_.begin(), splices_.begin() + static_cast<std::ptrdiff_t>(finished));
  if (bytes_.empty() && splices_.empty()) consumed_ = 0;
}

void Output::own_borrowed(base::ByteView body) {
  const auto overlaps = [&](base::ByteView other) {
    return other.data() < body.data() + body.size() && body.data() < other.data() + other.size();
  };
  if (std::none_of(splices_.begin(), splices_.end(), [&](const Splice& s) { return overlaps(s.body); })) return;

  base::Buffer owned;
  std::vector<Splice> kept;
  std::size_t from = 0;
  for (const auto& splice : splices_) {
    const std::size_t at = splice.at - consumed_;
    owned.append(bytes_.text().substr(from, at - from));
    from = at;
    if (overlaps(splice.body)) {
      owned.append(base::as_text(splice.body));
    } else {
      kept.push_back({owned.size(), splice.body});
    }
  }
  owned.append(bytes_.text().substr(from));
  bytes_.swap(owned);
  splices_.swap(kept);
  consumed_ = 0;
}

std::string Output::flatten() const {
  std::string text;
  std::vector<iovec> parts(splices_.size() * 2 + 2);
  parts.resize(gather(parts));
  for (const auto& part : parts) text.append(static_cast<const char*>(part.iov_base), part.iov_len);
  return text;
}

}  // namespace picket::wire
