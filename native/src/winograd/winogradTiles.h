// Where the tiles of Winograd's convolution lie, and the pixels that they read.
#pragma once
#include "plan/context.h"
#include "winograd/winogradTransform.h"

namespace regraft::winograd {

/// Tiles of a batch of planes, counted image by image and row by row.
struct Grid {
  int64_t batch, height, width;

  int64_t down() const { return (height + tile - 1) / tile; }
  int64_t across() const { return (width + tile - 1) / tile; }
  int64_t count() const { return batch * down() * across(); }

  struct Place {
    int64_t image, row, column;
  };
  /// The first pixel of a tile.
  Place at(int64_t index) const {
    const int64_t each = down() * across();
    return {index / each, index % each / across() * tile, index % across() * tile};
  }
};

/// A square of pixels within a plane.
struct Window {
  const Lanes *first;
  Steps steps;
};

/// The Size x Size pixels from (row, column) on: where they lie as float32, else copied, with zeros outside the plane.
template <int Size, class Pixel>
inline Window windowAt(const Pixel *plane, int64_t height, int64_t width, int64_t row, int64_t column, Lanes *copy) {
  if constexpr (sizeof(Pixel) == sizeof(Lanes))
    if (row >= 0 && column >= 0 && row + Size <= height && column + Size <= width) return {plane + row * width + column, {width, 1}};
  for (int64_t i = 0; i < Size; i++)
    for (int64_t j = 0; j < Size; j++) {
      const int64_t h = row + i, w = column + j;
      copy[i * Size + j] = h >= 0 && h < height && w >= 0 && w < width ? Lanes(plane[h * width + w]) : Lanes{};
    }
  return {copy, {Size, 1}};
}

/// A convolution of 3 x 3 taps at stride 1.
struct Shape {
  Context::Planes in;
  int64_t outBlocks, top, left;
  Grid grid;

  /// @throws where the operation is none: x, w, y are indices of its input, weights and output, or of their gradients
  Shape(const Context &c, const Operation &op, int x, int w, int y);
  /// The convolution of the output's gradient that gives the input's.
  Shape backward() const;
};

/// Transforms the inputs of tiles [first, first + count) to [36][blocks][tiles]; called by every thread of a team.
template <class Pixel>
void transformInputs(const Shape &s, const Pixel *x, int64_t first, int64_t count, Lanes *to, int64_t tiles, int64_t valueStep);

}  // namespace regraft::winograd
