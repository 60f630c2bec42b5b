// What batch norm and its gradient share: activations, sums over planes, and where a channel's numbers stand.
#pragma once
#include <algorithm>

#include "plan/context.h"

namespace regraft {

enum class Activation { none = 0, relu = 1, relu6 = 2 };

template <Activation A>
inline Lanes activate(Lanes x) {
  const Lanes zero{}, six = zero + 6.0f;
  if (A == Activation::none) return x;
  x = x < zero ? zero : x;
  return A == Activation::relu6 ? (x > six ? six : x) : x;
}

/// The gradient where the activation passed it, else zero; `y` is what the activation gave or was given.
template <Activation A>
inline Lanes pass(Lanes d, Lanes y) {
  const Lanes zero{}, six = zero + 6.0f;
  if (A == Activation::none) return d;
  d = y > zero ? d : zero;
  return A == Activation::relu6 ? (y < six ? d : zero) : d;
}

typedef double Wide __attribute__((vector_size(8 * block), aligned(64)));
inline Wide widen(Lanes x) { return __builtin_convertvector(x, Wide); }
inline Lanes narrow(const Wide &x) { return __builtin_convertvector(x, Lanes); }

/// Two sums per channel over one plane.
struct Sums {
  Wide first, second;
};

/// A plane's mean, and the sum of squares of what differs from it.
struct Spread {
  Wide mean, squares;
};

/// Sums over a plane in double of what `term(pixel, first, second)` adds; floats take 256 pixels each at most.
template <class Term>
inline Sums sumPlane(int64_t pixels, Term term) {
  constexpr int64_t chunk = 512;
  Sums sums{};
  for (int64_t from = 0; from < pixels; from += chunk) {
    const int64_t end = std::min(from + chunk, pixels);
    // Two sums at a time, since one would wait for itself.
    Lanes first{}, second{}, otherFirst{}, otherSecond{};
    int64_t i = from;
    for (; i + 1 < end; i += 2) {
      term(i, first, second);
      term(i + 1, otherFirst, otherSecond);
    }
    if (i < end) term(i, first, second);
    sums.first += widen(first) + widen(otherFirst);
    sums.second += widen(second) + widen(otherSecond);
  }
  return sums;
}

/// Sums are of differences to the mean of the plane's first row, so that no digits are lost; `seen(pixel, x)` is told each.
template <class Pixel, class F>
inline Spread spreadOf(const Pixel *plane, int64_t pixels, int64_t width, F seen) {
  Lanes centre{};
  for (int64_t i = 0; i < width; i++) centre += Lanes(plane[i]);
  centre /= static_cast<float>(width);
  const Sums sums = sumPlane(pixels, [=](int64_t i, Lanes &first, Lanes &second) {
    const Lanes x = plane[i], d = x - centre;
    first += d;
    second += d * d;
    seen(i, x);
  });
  const Wide shift = sums.first / static_cast<double>(pixels);
  return {widen(centre) + shift, sums.second - shift * sums.first};
}

/// Adds the planes' sums of a block of channels in the images' order.
inline Sums total(const Sums *sums, int64_t batch, int64_t blocks, int64_t b) {
  Sums all{};
  for (int64_t n = 0; n < batch; n++) {
    all.first += sums[n * blocks + b].first;
    all.second += sums[n * blocks + b].second;
  }
  return all;
}

/// A block of a vector of channels, padded with zeros.
inline Lanes loadChannels(const float *values, int64_t channels, int64_t b) {
  Lanes result{};
  for (int64_t c = 0; c < block && b * block + c < channels; c++) result[c] = values[b * block + c];
  return result;
}

inline void storeChannels(float *values, int64_t channels, int64_t b, Lanes lanes) {
  for (int64_t c = 0; c < block && b * block + c < channels; c++) values[b * block + c] = lanes[c];
}

/// What the passes over pixels need of a block of channels: y = (x - mean) scale + offset, scale = weight inverse.
struct Scale {
  Lanes mean, inverse, scale, offset;
};

/// The instance of a kernel for an activation.
template <class F>
F forActivation(const Operation &op, F none, F relu, F relu6, const char *key = "activation") {
  const int activation = op.integer(key);
  return activation == 0 ? none : activation == 1 ? relu : relu6;
}

}  // namespace regraft
