// Planes with zeros around them, in float32, for depthwise convolutions, with what a norm has to do on the way.
#pragma once
#include <type_traits>

#include "depthwise/depthwisePlane.h"
#include "norm/normGradient.h"

namespace regraft {

/// Writes rows of pixels, `step` apart; `f` gives the pixels by their number.
template <class F>
inline void fillRows(Lanes *to, int64_t step, int64_t rows, int64_t width, F f) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t i = 0; i < width; i++) to[row * step + i] = f(row * width + i);
}

/// The input, which is already what the convolution wants.
template <class Pixel>
inline void padInput(const Pixel *x, Lanes *wide, const DepthwiseShape &s, const Scale *) {
  fillRows(wide + s.top * s.paddedWidth + s.left, s.paddedWidth, s.height, s.width, [=](int64_t i) { return Lanes(x[i]); });
}

/// The input from what the norm before the convolution was given.
template <Activation A, class Pixel>
inline void padNormalised(const Pixel *x, Lanes *wide, const DepthwiseShape &s, const Scale *given) {
  const Scale scale = *given;
  fillRows(wide + s.top * s.paddedWidth + s.left, s.paddedWidth, s.height, s.width, [=](int64_t i) { return activate<A>((Lanes(x[i]) - scale.mean) * scale.scale + scale.offset); });
}

/// The output's gradient.
template <class Pixel>
inline void padChange(const Pixel *dy, const Pixel *, Lanes *inside, const DepthwiseShape &s, const Scale *, const Means *) {
  fillRows(inside, s.paddedWidth, s.outHeight, s.outWidth, [=](int64_t i) { return Lanes(dy[i]); });
}

/// The output's gradient from that of what the norm after the convolution gave; `y` is the output.
template <Activation A, class Pixel>
inline void padThroughNorm(const Pixel *dy, const Pixel *y, Lanes *inside, const DepthwiseShape &s, const Scale *scale, const Means *means) {
  const Scale of = *scale;
  const Means taken = *means;
  fillRows(inside, s.paddedWidth, s.outHeight, s.outWidth, [=](int64_t i) { return normGradient<A>(Lanes(dy[i]), Lanes(y[i]), of, taken); });
}

/// Whether a plane is made in scratch, and written from there to where it belongs: in bfloat16, or past the cache.
template <class Pixel>
constexpr bool isMadeElsewhere(bool past) {
  return past || !std::is_same_v<Pixel, Lanes>;
}

/// Writes a pixel of such a plane; others are where they belong.
template <class Pixel, bool Past>
inline void write(Pixel *to, Lanes value) {
  if constexpr (Past) writePast(to, value);
  else if constexpr (isMadeElsewhere<Pixel>(false)) *to = value;
}

}  // namespace regraft
