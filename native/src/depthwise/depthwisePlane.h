// A depthwise convolution and its gradients on one plane of a block of channels.
#pragma once
#include <algorithm>

#include "convolution/gathered.h"

namespace regraft {

/// Sizes of a depthwise convolution; the padded ones are those of the scratch plane that a kernel reads.
struct DepthwiseShape {
  int64_t batch, blocks, height, width, outHeight, outWidth, stride, top, left, paddedHeight, paddedWidth;
};

/// For the weight gradient: the scratch plane holds the input, and zeros as far as any output's taps reach.
inline DepthwiseShape weightGradientShape(const Context::Planes &in, const Context::Planes &out, const Operation &op, int64_t kernel) {
  DepthwiseShape s{in.batch, in.blocks, in.height, in.width, out.height, out.width, op.integer("stride", 0), op.integer("padding", 0), op.integer("padding", 1), 0, 0};
  s.paddedHeight = std::max((s.outHeight - 1) * s.stride + kernel, s.top + s.height);
  s.paddedWidth = std::max((s.outWidth - 1) * s.stride + kernel, s.left + s.width);
  return s;
}

/// How many taps of a row meet an input pixel at most: so many zeros stand around the output's gradient.
inline int64_t reachOf(int64_t kernel, int64_t stride) { return (kernel + stride - 1) / stride; }

/// For the input gradient: the scratch plane holds the output's gradient, and zeros as far as the last pixel's taps reach.
inline DepthwiseShape inputGradientShape(const Context::Planes &in, const Context::Planes &out, const Operation &op, int64_t kernel) {
  DepthwiseShape s{in.batch, in.blocks, in.height, in.width, out.height, out.width, op.integer("stride", 0), op.integer("padding", 0), op.integer("padding", 1), 0, 0};
  s.paddedHeight = std::max(s.outHeight, (s.height + s.top) / s.stride + 1) + reachOf(kernel, s.stride);
  s.paddedWidth = std::max(s.outWidth, (s.width + s.left) / s.stride + 1) + reachOf(kernel, s.stride);
  return s;
}

/// The gradient of the weights, gathered: sums of each image first, which are added in order, then each thread's.
class GatheredTaps {
 public:
  GatheredTaps(Context &c, const DepthwiseShape &s, int64_t kernel, int dw)
      : batch_(s.batch), count_(s.blocks * kernel * kernel), gathered_(c, count_ * block, dw) {}

  /// Lanes of scratch that the sums of all images take.
  int64_t partial() const { return batch_ * count_; }
  /// Where a thread gathers its images' gradients: the first one where the whole gradient will stand.
  Lanes *of(int thread) const { return reinterpret_cast<Lanes *>(gathered_.of(thread)); }
  /// Adds the sums of all images to a thread's; called by every thread of a team.
  void add(const Lanes *sums, Lanes *target, bool first) const {
#pragma omp for schedule(static)
    for (int64_t i = 0; i < count_; i++) {
      Lanes total{};
      for (int64_t n = 0; n < batch_; n++) total += sums[n * count_ + i];
      target[i] = first ? total : target[i] + total;
    }
  }
  /// Adds all threads' gradients to the first one's.
  void join() const { gathered_.join(); }

 private:
  int64_t batch_, count_;
  Gathered gathered_;
};

/// The convolution of a zero-padded plane. Meanwhile the input's `next` plane is fetched.
template <int K, int S, class Pixel>
inline void planeForward(const DepthwiseShape &s, const Lanes *x, const Lanes *taps, Lanes *y, const Pixel *next) {
  Lanes weights[K * K];
  for (int k = 0; k < K * K; k++) weights[k] = taps[k];
  // Pixels at a time, since the sum of one would wait for itself.
  constexpr int some = 4;
  const auto sum = [&](const Lanes *window, int64_t pixel) __attribute__((always_inline)) {
    Lanes total = weights[0] * window[pixel * S];
#pragma GCC unroll 25
    for (int k = 1; k < K * K; k++) total += weights[k] * window[k / K * s.paddedWidth + k % K + pixel * S];
    return total;
  };
  for (int64_t row = 0; row < s.outHeight; row++) {
    const Lanes *from = x + row * S * s.paddedWidth;
    Lanes *to = y + row * s.outWidth;
    int64_t column = 0;
    for (; column + some <= s.outWidth; column += some) {
      for (int k = 0; k < some * S * S; k++) fetch(next++);
#pragma GCC unroll 4
      for (int k = 0; k < some; k++) to[column + k] = sum(from + column * S, k);
    }
    for (; column < s.outWidth; column++) to[column] = sum(from + column * S, 0);
  }
}

/// All taps of one plane: every tap's sum stays in a register while a row of pixels goes by.
/// @param dy rows that are `dyWidth` pixels apart
/// @param next, other planes of dy's size, without padding, that are fetched meanwhile
template <int K, class Pixel, class Next>
inline void planeGradient(const DepthwiseShape &s, const Lanes *x, const Pixel *dy, int64_t dyWidth, Lanes *sums, const Next *next, const Next *other) {
  for (int64_t row = 0; row < s.outHeight; row++) {
    Lanes acc[K * K];
    for (int k = 0; k < K * K; k++) acc[k] = Lanes{};
    const Lanes *from = x + row * s.stride * s.paddedWidth;
    for (int64_t column = 0; column < s.outWidth; column++) {
      fetch(next++);
      fetch(other++);
      const Lanes d = dy[row * dyWidth + column];
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
using PlaneGradient = void (*)(const DepthwiseShape &, const Lanes *, const Pixel *, int64_t, Lanes *, const Pixel *, const Pixel *);

/// The input gradient of one plane. Of the kernel's K x K taps, at most T x T meet an input pixel, T = K / S rounded up:
/// those whose row and column leave the pixel's remainder by the stride. Meanwhile the `next` plane of dx's size is fetched.
template <int K, int S, class Pixel, class Next>
inline void planeInputGradient(const DepthwiseShape &s, const Lanes *dy, const Lanes *taps, Pixel *dx, const Next *next) {
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
      int64_t w = column;
      // Four pixels at a time, since the sum of one would wait for itself.
      for (; w + 3 * S < s.width; w += 4 * S, from += 4) {
        for (int k = 0; k < 4; k++) fetch(next + h * s.width + w + k * S);
        Lanes sums[4] = {};
#pragma GCC unroll 5
        for (int i = 0; i < T; i++)
#pragma GCC unroll 5
          for (int j = 0; j < T; j++)
#pragma GCC unroll 4
            for (int k = 0; k < 4; k++) sums[k] += weights[i][j] * from[k - i * s.paddedWidth - j];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) to[w + k * S] = sums[k];
      }
      for (; w < s.width; w += S, from++) {
        Lanes sum{};
#pragma GCC unroll 5
        for (int i = 0; i < T; i++)
#pragma GCC unroll 5
          for (int j = 0; j < T; j++) sum += weights[i][j] * from[-i * s.paddedWidth - j];
        to[w] = sum;
      }
    }
  }
}

template <class Pixel>
using PlaneInputGradient = void (*)(const DepthwiseShape &, const Lanes *, const Lanes *, Pixel *, const Pixel *);

}  // namespace regraft
