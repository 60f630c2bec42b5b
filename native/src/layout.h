// Moves values between the outside world's row-major order and the layouts that kernels work on.
#pragma once
#include "plan/context.h"

namespace regraft {

/// [N, C, H, W] to blocked planes of `Pixel` (Lanes or Bfloat16Lanes); channels of the padding become zero.
template <class Pixel>
void toBlocked(const float *from, Pixel *to, const std::vector<int64_t> &dims);
template <class Pixel>
void fromBlocked(const Pixel *from, float *to, const std::vector<int64_t> &dims);
/// Row-major weights to a convolution's layout and back. Padding is zero.
void toWeights(Context &context, const float *from, void *to, const std::vector<int64_t> &dims, const dnnl::memory::desc &layout);
void fromWeights(Context &context, const float *from, float *to, const std::vector<int64_t> &dims, const dnnl::memory::desc &layout);

}  // namespace regraft
