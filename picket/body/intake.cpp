#include "picket/body/intake.hpp"

#include <algorithm>

namespace picket::body {
namespace {

constexpr std::uint64_t least_held = 4096;

}  // namespace

bool Intake::reserve() {
  prepare();
  return block_.count(least_held);
}

std::span<char> Intake::space(std::size_t most) {
  prepare();
  return block_.bytes().subspan(used_, std::min(most, block_.bytes().size() - used_));
}

base::SharedBytes Intake::commit(std::size_t size) {
  const base::ByteView bytes = base::as_bytes({block_.bytes().data() + used_, size});
  used_ += size;
  return {block_, bytes};
}

void Intake::prepare() {
  const bool has_room = block_ && used_ != block_.bytes().size();
  const bool is_forgotten = used_ != 0 && block_ && block_.is_only_share();
  if (has_room && !is_forgotten) return;
  block_ = {};  // what was counted of it is not any more; the pool gives the same one where nobody else has it
  block_ = pool_.take();
  used_ = 0;
}

}  // namespace picket::body
