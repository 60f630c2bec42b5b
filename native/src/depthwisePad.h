// Planes with zeros around them, for depthwise convolutions, with what a norm has to do on the way.
#pragma once
#include "depthwisePlane.h"
#include "normGradient.h"

namespace regraft {

/// Writes rows of pixels, `step` apart; `f` gives the pixels by their number.
template <class F>
inline void fillRows(Lanes *to, int64_t step, int64_t rows, int64_t width, F f) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t i = 0; i < width; i++) to[row * step + i] = f(row * width + i);
}

/// The input, which is already what the convolution wants.
inline void padInput(const Lanes *x, Lanes *wide, const DepthwiseShape &s, const Scale *) {
  fillRows(wide + s.top * s.paddedWidth + s.left, s.paddedWidth, s.height, s.width, [=](int64_t i) { return x[i]; });
}

/// The input from what the norm before the convolution was given.
template <Activation A>
inline void padNormalised(const Lanes *x, Lanes *wide, const DepthwiseShape &s, const Scale *given) {
  const Scale scale = *given;
  fillRows(wide + s.top * s.paddedWidth + s.left, s.paddedWidth, s.height, s.width, [=](int64_t i) { return activate<A>((x[i] - scale.mean) * scale.scale + scale.offset); });
}

/// The output's gradient.
inline void padChange(const Lanes *dy, const Lanes *, Lanes *inside, const DepthwiseShape &s, const Scale *, const Means *) {
  fillRows(inside, s.paddedWidth, s.outHeight, s.outWidth, [=](int64_t i) { return dy[i]; });
}

/// The output's gradient from that of what the norm after the convolution gave; `y` is the output.
template <Activation A>
inline void padThroughNorm(const Lanes *dy, const Lanes *y, Lanes *inside, const DepthwiseShape &s, const Scale *scale, const Means *means) {
  const Scale of = *scale;
  const Means taken = *means;
  fillRows(inside, s.paddedWidth, s.outHeight, s.outWidth, [=](int64_t i) { return normGradient<A>(dy[i], y[i], of, taken); });
}

}  // namespace regraft
