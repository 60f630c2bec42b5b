#include "depthwise.h"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace regraft {

namespace {

struct Shape {
  int64_t batch, blocks, height, width, outHeight, outWidth, stride, top, left, paddedHeight, paddedWidth;
};

/// All taps of one plane of sixteen channels: every tap's sum stays in a register while a row of pixels goes by.
template <int K, class Pixel>
void planeGradient(const Shape &s, const Lanes *x, const Pixel *dy, Lanes *sums) {
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

template <class Pixel>
using PlaneGradient = void (*)(const Shape &, const Lanes *, const Pixel *, Lanes *);

/// The input gradient of one plane. Of the kernel's K x K taps, at most T x T meet an input pixel, T = K / S rounded up:
/// those whose row and column leave the pixel's remainder by the stride.
template <int K, int S, class Pixel>
void planeInputGradient(const Shape &s, const Lanes *dy, const Lanes *taps, Pixel *dx) {
  constexpr int T = (K + S - 1) / S;
  for (int64_t h = 0; h < s.height; h++) {
    const int64_t row = h + s.top;
    for (int64_t column = 0; column < S; column++) {
      const int64_t firstRow = row % S, firstColumn = (column + s.left) % S;
      Lanes weights[T][T];
      for (int i = 0; i < T; i++)
        for (int j = 0; j < T; j++) {
          const int64_t r = firstRow + S * i, t = firstColumn + S * j;
          weights[i][j] = r < K && t < K ? taps[r * K + t] : Lanes{};
        }
      const Lanes *from = dy + (row / S + T) * s.paddedWidth + (column + s.left) / S + T;
      Pixel *to = dx + h * s.width;
      for (int64_t w = column; w < s.width; w += S, from++) {
        Lanes sum{};
#pragma GCC unroll 3
        for (int i = 0; i < T; i++)
#pragma GCC unroll 3
          for (int j = 0; j < T; j++) sum += weights[i][j] * from[-i * s.paddedWidth - j];
        to[w] = sum;
      }
    }
  }
}

template <class Pixel>
using PlaneInputGradient = void (*)(const Shape &, const Lanes *, const Lanes *, Pixel *);

template <class Pixel>
std::function<void(const float *)> inputGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), dx = op.out(0);
  const auto out = c.planes(dy), in = c.planes(dx);
  const int64_t kernel = c.dims(op.in(1))[2], margin = (kernel + 1) / 2;
  const PlaneInputGradient<Pixel> gradient = kernel == 3 ? planeInputGradient<3, 2, Pixel> : planeInputGradient<5, 2, Pixel>;
  Shape s{in.batch, in.blocks, in.height, in.width, out.height, out.width, 2, op.integer("padding", 0), op.integer("padding", 1), 0, 0};
  // Zeros around the plane, as far as the last pixel's taps reach.
  s.paddedHeight = std::max(s.outHeight, (s.height + s.top) / 2 + 1) + margin;
  s.paddedWidth = std::max(s.outWidth, (s.width + s.left) / 2 + 1) + margin;
  const int64_t plane = s.paddedHeight * s.paddedWidth, taps = kernel * kernel;
  c.wantScratch(c.team() * plane * sizeof(Lanes));
  return [=, &c](const float *weights) {
    const Pixel *change = reinterpret_cast<const Pixel *>(c.data(dy));
    const Lanes *all = reinterpret_cast<const Lanes *>(weights);
    Lanes *scratch = reinterpret_cast<Lanes *>(c.scratch());
    Pixel *target = reinterpret_cast<Pixel *>(c.data(dx));
#pragma omp parallel
    {
      Lanes *wide = scratch + omp_get_thread_num() * plane;
      memset(wide, 0, plane * sizeof(Lanes));
#pragma omp for collapse(2) schedule(static)
      for (int64_t n = 0; n < s.batch; n++)
        for (int64_t b = 0; b < s.blocks; b++) {
          const int64_t index = n * s.blocks + b;
          for (int64_t row = 0; row < s.outHeight; row++)
            std::copy_n(change + (index * s.outHeight + row) * s.outWidth, s.outWidth, wide + (row + margin) * s.paddedWidth + margin);
          gradient(s, wide, all + b * taps, target + index * s.height * s.width);
        }
    }
  };
}

template <class Pixel>
Step weightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const auto in = c.planes(x), out = c.planes(dy);
  const int kernel = op.integer("kernel", 0);
  const PlaneGradient<Pixel> gradient = kernel == 3 ? planeGradient<3, Pixel> : kernel == 5 ? planeGradient<5, Pixel> : kernel == 1 ? planeGradient<1, Pixel> : nullptr;
  if (!gradient || op.integer("kernel", 1) != kernel || op.integer("stride", 0) != op.integer("stride", 1))
    throw std::runtime_error("depthwise convolutions have square kernels of 1, 3 or 5 here");
  Shape s{in.batch, in.blocks, in.height, in.width, out.height, out.width, op.integer("stride", 0), op.integer("padding", 0), op.integer("padding", 1), 0, 0};
  s.paddedHeight = std::max((s.outHeight - 1) * s.stride + kernel, s.top + s.height);
  s.paddedWidth = std::max((s.outWidth - 1) * s.stride + kernel, s.left + s.width);
  const int64_t taps = kernel * kernel, plane = s.paddedHeight * s.paddedWidth;
  // Each image's sums by themselves, then added in order.
  const int64_t partial = s.batch * s.blocks * taps;
  c.wantScratch((partial + c.team() * plane) * sizeof(Lanes));
  const int workers = c.workers();
  const size_t own = s.blocks * taps * sizeof(Lanes), held = c.hold((workers - 1) * own);
  /// Where a thread gathers its images' gradients: the first one where the whole gradient will stand.
  const auto gathered = [=, &c](int thread) { return reinterpret_cast<Lanes *>(thread == 0 ? c.data(dw) : c.held(held + (thread - 1) * own)); };
  const auto run = [=, &c]() {
    const bool first = Context::part().first;
    const Pixel *source = reinterpret_cast<const Pixel *>(c.data(x)), *change = reinterpret_cast<const Pixel *>(c.data(dy));
    Lanes *sums = reinterpret_cast<Lanes *>(c.scratch()), *target = gathered(Context::part().thread);
#pragma omp parallel
    {
      Lanes *wide = sums + partial + omp_get_thread_num() * plane;
      memset(wide, 0, plane * sizeof(Lanes));
#pragma omp for collapse(2) schedule(static)
      for (int64_t n = 0; n < s.batch; n++)
        for (int64_t b = 0; b < s.blocks; b++) {
          const int64_t index = n * s.blocks + b;
          for (int64_t row = 0; row < s.height; row++)
            std::copy_n(source + (index * s.height + row) * s.width, s.width, wide + (s.top + row) * s.paddedWidth + s.left);
          Lanes *own = sums + index * taps;
          memset(own, 0, taps * sizeof(Lanes));
          gradient(s, wide, change + index * s.outHeight * s.outWidth, own);
        }
#pragma omp for schedule(static)
      for (int64_t i = 0; i < s.blocks * taps; i++) {
        Lanes total{};
        for (int64_t n = 0; n < s.batch; n++) total += sums[n * s.blocks * taps + i];
        target[i] = first ? total : target[i] + total;
      }
    }
  };
  const auto after = [=] {
    for (int other = 1; other < workers; other++)
      for (int64_t i = 0; i < s.blocks * taps; i++) gathered(0)[i] += gathered(other)[i];
  };
  return {run, nullptr, after};
}

}  // namespace

bool hasDepthwiseInputGradient(const Operation &op, const std::vector<int64_t> &weights) {
  return op.integer("stride", 0) == 2 && op.integer("stride", 1) == 2 && weights[2] == weights[3] && (weights[2] == 3 || weights[2] == 5);
}

std::function<void(const float *)> depthwiseInputGradient(Context &c, const Operation &op) {
  return c.value(op.in(0)).precision == Precision::bfloat16 ? inputGradient<Bfloat16Lanes>(c, op) : inputGradient<Lanes>(c, op);
}

Step depthwiseWeightGradient(Context &c, const Operation &op) { return either<weightGradient<Lanes>, weightGradient<Bfloat16Lanes>>(c, op); }

}  // namespace regraft
