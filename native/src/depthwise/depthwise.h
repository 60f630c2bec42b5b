// Depthwise convolutions and gradients of them for which oneDNN 2.6 has a slow kernel or none.
#pragma once
#include "plan/context.h"
#include "convolution/convolutionKernel.h"

namespace regraft {

/// The layout in which weights are kept: a block of channels has its taps together.
constexpr auto depthwiseTag = block == 16 ? dnnl::memory::format_tag::Goihw16g : dnnl::memory::format_tag::Goihw8g;

/// Whether there is an own kernel for a depthwise convolution of bfloat16 with what follows it.
bool hasDepthwiseServed(const Context &context, const Operation &op);
ConvolutionKernel depthwiseServed(Context &context, const Operation &op);

Step depthwiseWeightGradient(Context &context, const Operation &op);

/// Whether there is an own kernel for the input gradient of a depthwise convolution.
bool hasDepthwiseInputGradient(const Operation &op, const std::vector<int64_t> &weights);
/// The kernel, which is given the weights as [channels / block][taps][block].
std::function<void(const float *)> depthwiseInputGradient(Context &context, const Operation &op);

}  // namespace regraft
