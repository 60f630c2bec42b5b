// The gradients of a depthwise convolution on one plane of sixteen channels.
#pragma once
#include "context.h"

namespace regraft {

/// Sizes of a depthwise convolution; the padded ones are those of the scratch plane that a kernel reads.
struct DepthwiseShape {
  int64_t batch, blocks, height, width, outHeight, outWidth, stride, top, left, paddedHeight, paddedWidth;
};

/// All taps of one plane of sixteen channels: every tap's sum stays in a register while a row of pixels goes by.
template <int K, class Pixel>
inline void planeGradient(const DepthwiseShape &s, const Lanes *x, const Pixel *dy, Lanes *sums) {
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
using PlaneGradient = void (*)(const DepthwiseShape &, const Lanes *, const Pixel *, Lanes *);

/// The input gradient of one plane. Of the kernel's K x K taps, at most T x T meet an input pixel, T = K / S rounded up:
/// those whose row and column leave the pixel's remainder by the stride.
template <int K, int S, class Pixel>
inline void planeInputGradient(const DepthwiseShape &s, const Lanes *dy, const Lanes *taps, Pixel *dx) {
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
using PlaneInputGradient = void (*)(const DepthwiseShape &, const Lanes *, const Lanes *, Pixel *);

}  // namespace regraft
