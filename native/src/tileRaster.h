// Planes of pixels with their border, row by row, as the taps of a convolution meet them.
#pragma once
#include <cstdint>

#include "bfloat16.h"

namespace regraft::tiles {

/// Position (i, j) is pixel (i rowStep - top, j columnStep - left) of a plane, or zero outside it.
struct Raster {
  int64_t height, width;         // of the plane
  int64_t rows, columns;         // of the raster
  int64_t rowStep, columnStep;
  int64_t top, left;
  int64_t positions() const { return rows * columns; }
};

/// Copies a plane's pixels. @param pitch blocks of channels from position to position of `to`
void fill(const Raster &raster, const Bfloat16Lanes *plane, Bfloat16Lanes *to, int64_t pitch);

}  // namespace regraft::tiles
