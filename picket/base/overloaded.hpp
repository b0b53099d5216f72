#pragma once

namespace picket::base {

/// Lambdas as one visitor of a variant.
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace picket::base
