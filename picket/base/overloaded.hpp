#pragma once

namespace picket::base {

/// Lambdas as one visitor of a variant, one for each alternative: one that is missing does not compile.
///
///   std::visit(base::Overloaded{[](const wire::Allow&) { … }, [](const auto& other) { … }}, response.decision);
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace picket::base
