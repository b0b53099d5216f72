#include "picket/inspection/merge.hpp"

namespace picket::inspection {

Merged merge(std::span<const Opinion> opinions) noexcept {
  std::optional<std::size_t> failure;
  for (std::size_t i = 0; i < opinions.size(); ++i) {
    switch (opinions[i].state) {
      case Opinion::State::pending: return {};
      case Opinion::State::decides: return {Merged::Kind::decision, i};
      case Opinion::State::failed:
        if (!failure && opinions[i].failure_mode == FailureMode::closed) failure = i;
        break;
      case Opinion::State::allows: break;
    }
  }
  return failure ? Merged{Merged::Kind::failure, *failure} : Merged{Merged::Kind::allow, 0};
}

}  // namespace picket::inspection
