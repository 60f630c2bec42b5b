// Convolutions of 3 x 3 taps at stride 1 with a quarter of the multiplications (Winograd; Lavin & Gray 2016).
#pragma once
#include "context.h"

namespace regraft::winograd {

/// Whether the plan wants this convolution, or this gradient of one, computed so: src/engines/onednn/winograd.ts.
inline bool wanted(const Operation &op) { return op.numbers.count("winograd") > 0; }

/// The layout in which weights are kept then: [outputs / block][inputs / block][3][3][block inputs][block outputs].
constexpr auto weightsTag = block == 16 ? dnnl::memory::format_tag::OIhw16i16o : dnnl::memory::format_tag::OIhw8i8o;

struct Kernel {
  /// Transforms the weights, which are given in the layout above.
  std::function<void(const float *weights)> prepare;
  /// On the part that is being worked on; `bias` is null or padded to whole blocks.
  std::function<void(const float *bias)> run;
};

/// The forward convolution with what follows it.
Kernel forward(Context &context, const Operation &op);
Kernel inputGradient(Context &context, const Operation &op);
Step weightGradient(Context &context, const Operation &op);

}  // namespace regraft::winograd
