// What the CPU can do at most, to compare a program's rate with.
#pragma once
#include "plan/plan.h"

namespace regraft {

/// Multiply-adds per second of a product of two large matrices by oneDNN, the best of a few.
double productRate(Precision precision, int threads);

}  // namespace regraft
