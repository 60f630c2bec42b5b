// The weight gradient of depthwise convolutions, which oneDNN 2.6 has for 3x3 kernels only.
#pragma once
#include "context.h"

namespace regraft {

Step depthwiseWeightGradient(Context &context, const Operation &op);

}  // namespace regraft
