// Plans come from outside the addon: what would lead kernels out of their memory is found before any is built.
#pragma once
#include "plan/plan.h"

namespace regraft {

/// @throws std::runtime_error with the first thing that is wrong
void check(const Plan &plan);

}  // namespace regraft
