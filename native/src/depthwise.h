// Gradients of depthwise convolutions for which oneDNN 2.6 has a slow loop or none: of weights, and of inputs at stride 2.
#pragma once
#include "context.h"

namespace regraft {

Step depthwiseWeightGradient(Context &context, const Operation &op);

/// Whether there is an own kernel for the input gradient of a depthwise convolution.
bool hasDepthwiseInputGradient(const Operation &op, const std::vector<int64_t> &weights);
/// The kernel, which is given the weights as [channels / block][taps][block].
std::function<void(const float *)> depthwiseInputGradient(Context &context, const Operation &op);

}  // namespace regraft
