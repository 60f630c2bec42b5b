// What an own kernel for a dense convolution or its input gradient consists of.
#pragma once
#include <functional>

#include "convolution/dnnl_api.h"
#include "lanes.h"

namespace regraft {

/// The layout in which own kernels want weights kept: [outputs / block][inputs / block][height][width][block inputs][block outputs].
constexpr auto denseTag = block == 16 ? dnnl::memory::format_tag::OIhw16i16o : dnnl::memory::format_tag::OIhw8i8o;

struct ConvolutionKernel {
  /// Once before the parts of a strip; the weights are given in the layout in which they are kept.
  std::function<void(const float *weights)> prepare;
  /// On the part that is being worked on; `bias` is null or padded to whole blocks.
  std::function<void(const float *bias)> run;
};

}  // namespace regraft
