// Planes with zeros around them, in float32, for gradients of depthwise convolutions.
#pragma once
#include "depthwise/depthwisePlane.h"

namespace regraft {

/// Writes rows of pixels, `step` apart; `f` gives the pixels by their number.
template <class F>
inline void fillRows(Lanes *to, int64_t step, int64_t rows, int64_t width, F f) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t i = 0; i < width; i++) to[row * step + i] = f(row * width + i);
}

}  // namespace regraft
