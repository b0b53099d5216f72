#include "picket/http/outgoing.hpp"

#include <charconv>

namespace picket::http {

iovec part(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }

ChunkSize::ChunkSize(std::size_t size) noexcept {
  char* const end = std::to_chars(text_.data(), text_.data() + 16, size, 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  size_ = static_cast<std::size_t>(end + 2 - text_.data());
}

Outgoing::Outgoing(std::string_view head, std::string_view piece, bool chunked, bool last,
                   std::string_view trailers) noexcept
    : size_(piece.size()) {
  add(head);
  if (chunked && !piece.empty()) add(size_.text());
  add(piece);
  if (chunked && !piece.empty()) add("\r\n");
  if (!chunked || !last) return;
  add(trailers.empty() ? "0\r\n\r\n" : "0\r\n");
  if (trailers.empty()) return;
  add(trailers);
  add("\r\n");
}

void Outgoing::add(std::string_view text) noexcept {
  if (!text.empty()) parts_[count_++] = part(text);
}

}  // namespace picket::http
