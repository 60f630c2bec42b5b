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
  /// Whether it is the plane, pixel by pixel.
  bool same() const { return rows == height && columns == width && rowStep == 1 && columnStep == 1 && top == 0 && left == 0; }
};

/// Copies a plane's pixels.
void fill(const Raster &raster, const Bfloat16Lanes *plane, Bfloat16Lanes *to);
/// Copies the pixels of two planes, or of one and zeros where the other is null, beside each other.
void fillPairs(const Raster &raster, const Bfloat16Lanes *plane, const Bfloat16Lanes *other, Bfloat16Lanes *to);

}  // namespace regraft::tiles
