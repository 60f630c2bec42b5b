// The gradient of batch norm on pixels, for the kernels that compute it by itself or together with what stands beside it.
#pragma once
#include "norm/norm.h"

namespace regraft {

/// What the activation was given is found again from x, is seen from what it gave (`y`), or there is none.
enum class Mask { again, given };

/// What has to be taken off d: E[d], and E[d h] / deviation, which is multiplied by x - mean.
struct Means {
  Lanes gradient, product;
};

/// With d the gradient that the activation passes: scale (d - E[d] - h E[d h]), where h = (x - mean) / deviation.
template <Activation A>
inline Lanes normGradient(Lanes dy, Lanes x, const Scale &s, const Means &e) {
  const Lanes centred = x - s.mean;
  return s.scale * (pass<A>(dy, centred * s.scale + s.offset) - e.gradient - centred * e.product);
}

/// The sums of d and d (x - mean) over a plane; `seen(pixel, d)` is told the gradient before and what the activation passes of it.
template <Activation A, Mask M, class Change, class Pixel, class F>
inline Sums sumGradient(const Change *dy, const Pixel *x, const Pixel *y, int64_t pixels, const Scale &s, F seen) {
  return sumPlane(pixels, [=](int64_t i, Lanes &first, Lanes &second) {
    const Lanes change = dy[i], centred = Lanes(x[i]) - s.mean;
    const Lanes d = M == Mask::again ? pass<A>(change, centred * s.scale + s.offset) : pass<A>(change, Lanes(y[i]));
    first += d;
    second += d * centred;
    seen(i, change, d);
  });
}

}  // namespace regraft
