// Moves values between the outside world's row-major order and the layouts that kernels work on.
#pragma once
#include "context.h"

namespace regraft {

/// oneDNN's view of a blocked value, its padding included as channels like others.
dnnl::memory::desc blockedDesc(const std::vector<int64_t> &dims);
/// [N, C, H, W] to blocked planes; channels of the padding become zero.
void toBlocked(const float *from, float *to, const std::vector<int64_t> &dims);
void fromBlocked(const float *from, float *to, const std::vector<int64_t> &dims);
/// Row-major weights to a convolution's layout and back. Padding is zero.
void toWeights(Context &context, const float *from, float *to, const std::vector<int64_t> &dims, const dnnl::memory::desc &layout);
void fromWeights(Context &context, const float *from, float *to, const std::vector<int64_t> &dims, const dnnl::memory::desc &layout);

}  // namespace regraft
