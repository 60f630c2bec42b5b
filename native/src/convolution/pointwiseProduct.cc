#include "convolution/pointwiseProduct.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace regraft::pointwise {

namespace {

/// Half a block: on many CPUs half the work.
typedef float Half __attribute__((vector_size(2 * block), aligned(2 * block), may_alias));

/// What the last of `W` blocks of outputs is computed with.
template <bool IsHalf>
using Last = std::conditional_t<IsHalf, Half, Lanes>;

inline Lanes whole(Lanes value) { return value; }
inline Lanes whole(Half value) {
  Lanes result{};
  *reinterpret_cast<Half *>(&result) = value;
  return result;
}

/// Writes R pixels of a block past the cache and adds to the sums of what a norm wants of them.
template <int R, After A>
inline void writeAndAdd(const Lanes (&values)[R], int k, Lanes *y, const Lanes *x, Found &found) {
  if (A == After::spread && !found.begun) {
    Lanes sum{};
    for (int r = 0; r < R; r++) sum += values[r];
    found.centre[k] = sum / static_cast<float>(R);
  }
  const Lanes centre = A == After::spread ? found.centre[k] : found.scale[k].mean;
  // Two sums at a time, since one would wait for itself.
  Lanes first[2] = {found.first[k], Lanes{}}, second[2] = {found.second[k], Lanes{}};
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    Lanes d = values[r];
    if (A == After::spread) {
      writePast(y + r, d);
      d -= centre;
      first[r % 2] += d;
      second[r % 2] += d * d;
    } else {
      const Lanes zero{}, low = zero + found.low, high = zero + found.high, centred = x[r] - centre, given = centred * found.scale[k].scale + found.scale[k].offset;
      d = given > low ? d : zero;
      d = given < high ? d : zero;
      writePast(y + r, d);
      first[r % 2] += d;
      second[r % 2] += d * centred;
    }
  }
  found.first[k] = first[0] + first[1];
  found.second[k] = second[0] + second[1];
}

template <int R, int W, bool IsHalf, After A>
void multiplyRows(const Lanes *x, int64_t xStep, int64_t channels, const Lanes *w, int64_t wStep, Lanes *y, int64_t yStep, Ahead &ahead, const Lanes *seen, Found *found) {
  constexpr int full = W - 1;
  Lanes sums[R][full + 1] = {};
  Last<IsHalf> last[R] = {};
  for (int64_t first = 0; first < channels; first += block, x += xStep) {
    const float *from = reinterpret_cast<const float *>(x);
    const int64_t some = std::min(block, channels - first);
    ahead.step();
    for (int64_t c = 0; c < some; c++, w++) {
      const Last<IsHalf> lastWeights = *reinterpret_cast<const Last<IsHalf> *>(w + full * wStep);
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        const float value = from[r * block + c];
#pragma GCC unroll 2
        for (int k = 0; k < full; k++) sums[r][k] += value * w[k * wStep];
        last[r] += value * lastWeights;
      }
    }
  }
  if constexpr (A == After::nothing) {
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
      for (int k = 0; k < full; k++) y[k * yStep + r] = sums[r][k];
      y[full * yStep + r] = whole(last[r]);
    }
  } else {
#pragma GCC unroll 2
    for (int k = 0; k < W; k++) {
      Lanes values[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) values[r] = k < full ? sums[r][k] : whole(last[r]);
      writeAndAdd<R, A>(values, k, y + k * yStep, seen + k * found->xStep, *found);
    }
  }
}

using Rows = void (*)(const Lanes *, int64_t, int64_t, const Lanes *, int64_t, Lanes *, int64_t, Ahead &, const Lanes *, Found *);

struct Table {
  Rows by[rows];
};

template <int W, bool IsHalf, After A, size_t... Index>
constexpr Table table(std::index_sequence<Index...>) {
  return {{multiplyRows<Index + 1, W, IsHalf, A>...}};
}

template <int W, bool IsHalf, After A>
constexpr Table instances = table<W, IsHalf, A>(std::make_index_sequence<rows>());

template <int W, bool IsHalf>
void sumPixels(const float *x, int64_t xImage, const Lanes *dy, int64_t dyStep, int64_t dyImage, Pixels pixels, Lanes *dw, int64_t dwStep, Ahead &ahead) {
  constexpr int whole = W - 1;
  Lanes sums[channelsAtOnce][whole + 1] = {};
  Last<IsHalf> last[channelsAtOnce] = {};
  for (int64_t n = 0; n < pixels.images; n++, x += xImage * block, dy += dyImage)
    for (int64_t p = 0; p < pixels.count; p++) {
      if (p % 8 == 0) ahead.step();
      const Last<IsHalf> lastChange = *reinterpret_cast<const Last<IsHalf> *>(dy + whole * dyStep + p);
#pragma GCC unroll 8
      for (int c = 0; c < channelsAtOnce; c++) {
        const float value = x[p * block + c];
#pragma GCC unroll 2
        for (int k = 0; k < whole; k++) sums[c][k] += value * dy[k * dyStep + p];
        last[c] += value * lastChange;
      }
    }
#pragma GCC unroll 8
  for (int c = 0; c < channelsAtOnce; c++) {
#pragma GCC unroll 2
    for (int k = 0; k < whole; k++) dw[k * dwStep + c] += sums[c][k];
    *reinterpret_cast<Last<IsHalf> *>(dw + whole * dwStep + c) += last[c];
  }
}

/// The instance for so many outputs: by blocks, and whether the last one is at most half full.
template <class F>
F forOutputs(int64_t outputs, F one, F oneHalf, F two, F twoHalf) {
  const bool half = (outputs - 1) % block < block / 2;
  if (outputs > block) return half ? twoHalf : two;
  return half ? oneHalf : one;
}

template <After A>
const Table *tableFor(int64_t outputs) {
  return forOutputs(outputs, &instances<1, false, A>, &instances<1, true, A>, &instances<wide, false, A>, &instances<wide, true, A>);
}

}  // namespace

void multiply(const Lanes *x, int64_t xStep, int64_t channels, int64_t pixels, const Lanes *w, int64_t wStep, int64_t outputs, Lanes *y, int64_t yStep, Ahead &ahead, After after, Found *found) {
  const Table *table = after == After::nothing ? tableFor<After::nothing>(outputs) : after == After::spread ? tableFor<After::spread>(outputs) : tableFor<After::gradient>(outputs);
  inParts(pixels, [&](int64_t first, int64_t some) {
    table->by[some - 1](x + first, xStep, channels, w, wStep, y + first, yStep, ahead, found && found->x ? found->x + first : nullptr, found);
    if (found) found->begun = true;
  });
}

void multiplyPixels(const float *x, int64_t xImage, const Lanes *dy, int64_t dyStep, int64_t dyImage, Pixels pixels, int64_t outputs, Lanes *dw, int64_t dwStep, Ahead &ahead) {
  const auto kernel = forOutputs(outputs, &sumPixels<1, false>, &sumPixels<1, true>, &sumPixels<wide, false>, &sumPixels<wide, true>);
  kernel(x, xImage, dy, dyStep, dyImage, pixels, dw, dwStep, ahead);
}

}  // namespace regraft::pointwise
