// What an own kernel for a convolution or its input gradient consists of.
#pragma once
#include <functional>

namespace regraft {

struct ConvolutionKernel {
  /// Once before the parts of a strip; the weights are given in the layout in which they are kept.
  std::function<void(const float *weights)> prepare;
  /// On the part that is being worked on; `bias` is null or padded to whole blocks.
  std::function<void(const float *bias)> run;
};

}  // namespace regraft
