#include "picket/inspection/content_coding.hpp"

#include "picket/http/list.hpp"

namespace picket::inspection {

ContentCoding::ContentCoding(const base::Headers& head) noexcept {
  for (const auto& field : head) {
    if (!base::same_name(field.name, "content-encoding")) continue;
    std::string_view list = field.value;
    while (const auto item = http::next_item(list)) {
      if (base::same_name(*item, "identity")) continue;
      undoable_ = body::coding_of(*item);
      ++count_;
    }
  }
  const bool is_part = head.find("content-range").has_value();
  if (count_ > 1 || is_part) undoable_.reset();
}

}  // namespace picket::inspection
