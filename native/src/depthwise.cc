#include "depthwise.h"

#include <omp.h>

#include <cstring>
#include <stdexcept>

namespace regraft {

namespace {

struct Shape {
  int64_t batch, blocks, height, width, outHeight, outWidth, stride, top, left, paddedHeight, paddedWidth;
};

/// All taps of one plane of sixteen channels: every tap's sum stays in a register while a row of pixels goes by.
template <int K>
void planeGradient(const Shape &s, const Lanes *x, const Lanes *dy, Lanes *sums) {
  for (int64_t row = 0; row < s.outHeight; row++) {
    Lanes acc[K * K];
    for (int k = 0; k < K * K; k++) acc[k] = Lanes{};
    const Lanes *from = x + row * s.stride * s.paddedWidth;
    for (int64_t column = 0; column < s.outWidth; column++) {
      const Lanes d = dy[row * s.outWidth + column];
      const Lanes *window = from + column * s.stride;
#pragma GCC unroll 5
      for (int r = 0; r < K; r++)
#pragma GCC unroll 5
        for (int t = 0; t < K; t++) acc[r * K + t] += d * window[r * s.paddedWidth + t];
    }
    // Row by row, so that sums of thousands of products keep their digits.
    for (int k = 0; k < K * K; k++) sums[k] += acc[k];
  }
}

using PlaneGradient = void (*)(const Shape &, const Lanes *, const Lanes *, Lanes *);

}  // namespace

Step depthwiseWeightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const auto in = c.planes(x), out = c.planes(dy);
  const int kernel = op.integer("kernel", 0);
  const PlaneGradient gradient = kernel == 3 ? planeGradient<3> : kernel == 5 ? planeGradient<5> : kernel == 1 ? planeGradient<1> : nullptr;
  if (!gradient || op.integer("kernel", 1) != kernel || op.integer("stride", 0) != op.integer("stride", 1))
    throw std::runtime_error("depthwise convolutions have square kernels of 1, 3 or 5 here");
  Shape s{in.batch, in.blocks, in.height, in.width, out.height, out.width, op.integer("stride", 0), op.integer("padding", 0), op.integer("padding", 1), 0, 0};
  s.paddedHeight = std::max((s.outHeight - 1) * s.stride + kernel, s.top + s.height);
  s.paddedWidth = std::max((s.outWidth - 1) * s.stride + kernel, s.left + s.width);
  const int64_t taps = kernel * kernel, plane = s.paddedHeight * s.paddedWidth;
  const int threads = c.plan.threads;
  // Each image's sums by themselves, then added in order: the same bits however many threads there are.
  const int64_t partial = s.batch * s.blocks * taps;
  c.wantScratch((partial + threads * plane) * sizeof(Lanes));
  return [&c, x, dy, dw, s, taps, plane, partial, gradient]() {
    const Lanes *source = reinterpret_cast<const Lanes *>(c.data(x)), *change = reinterpret_cast<const Lanes *>(c.data(dy));
    Lanes *sums = reinterpret_cast<Lanes *>(c.scratch()), *target = reinterpret_cast<Lanes *>(c.data(dw));
#pragma omp parallel
    {
      Lanes *wide = sums + partial + omp_get_thread_num() * plane;
      memset(wide, 0, plane * sizeof(Lanes));
#pragma omp for collapse(2) schedule(static)
      for (int64_t n = 0; n < s.batch; n++)
        for (int64_t b = 0; b < s.blocks; b++) {
          const int64_t index = n * s.blocks + b;
          for (int64_t row = 0; row < s.height; row++)
            memcpy(wide + (s.top + row) * s.paddedWidth + s.left, source + (index * s.height + row) * s.width, s.width * sizeof(Lanes));
          Lanes *own = sums + index * taps;
          memset(own, 0, taps * sizeof(Lanes));
          gradient(s, wide, change + index * s.outHeight * s.outWidth, own);
        }
#pragma omp for schedule(static)
      for (int64_t i = 0; i < s.blocks * taps; i++) {
        Lanes total{};
        for (int64_t n = 0; n < s.batch; n++) total += sums[n * s.blocks * taps + i];
        target[i] = total;
      }
    }
  };
}

}  // namespace regraft
