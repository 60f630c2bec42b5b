// Convolutions of one tap at stride 1 in float32: products of pixels and channels.
#pragma once
#include "plan/context.h"
#include "convolution/convolutionKernel.h"

namespace regraft::pointwise {

/// Whether the plan wants this convolution, or this gradient of one, computed so: src/engines/onednn/pointwise.ts.
inline bool wanted(const Operation &op) { return op.numbers.count("pointwise") > 0; }

/// The forward convolution; its plan has no bias, residual or activation.
ConvolutionKernel forward(Context &context, const Operation &op);
ConvolutionKernel inputGradient(Context &context, const Operation &op);
Step weightGradient(Context &context, const Operation &op);

}  // namespace regraft::pointwise
