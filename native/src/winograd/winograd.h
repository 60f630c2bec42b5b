// Convolutions of 3 x 3 taps at stride 1 with a quarter of the multiplications (Winograd; Lavin & Gray 2016).
#pragma once
#include "plan/context.h"
#include "convolution/convolutionKernel.h"

namespace regraft::winograd {

/// Whether the plan wants this convolution, or this gradient of one, computed so: src/engines/onednn/winograd.ts.
inline bool wanted(const Operation &op) { return op.numbers.count("winograd") > 0; }

/// The forward convolution with what follows it.
ConvolutionKernel forward(Context &context, const Operation &op);
ConvolutionKernel inputGradient(Context &context, const Operation &op);
Step weightGradient(Context &context, const Operation &op);

}  // namespace regraft::winograd
