// Gradients of depthwise convolutions for which oneDNN 2.6 has a slow loop or none: of weights, and of inputs at stride 2.
#pragma once
#include "context.h"

namespace regraft {

/// The layout in which weights are kept: a block of channels has its taps together.
constexpr auto depthwiseTag = block == 16 ? dnnl::memory::format_tag::Goihw16g : dnnl::memory::format_tag::Goihw8g;

Step depthwiseWeightGradient(Context &context, const Operation &op);

/// Whether there is an own kernel for the input gradient of a depthwise convolution.
bool hasDepthwiseInputGradient(const Operation &op, const std::vector<int64_t> &weights);
/// The kernel, which is given the weights as [channels / block][taps][block].
std::function<void(const float *)> depthwiseInputGradient(Context &context, const Operation &op);

}  // namespace regraft
