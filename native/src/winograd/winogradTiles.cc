#include "winograd/winogradTiles.h"

#include <stdexcept>

namespace regraft::winograd {

Shape::Shape(const Context &c, const Operation &op, int x, int w, int y) : in(c.planes(x)), top(op.integer("padding", 0)), left(op.integer("padding", 1)) {
  const auto out = c.planes(y);
  outBlocks = out.blocks;
  grid = {out.batch, out.height, out.width};
  const auto source = c.dims(x), weights = c.dims(w), target = c.dims(y);
  const bool dense = op.integer("groups") == 1 && weights.at(0) == target[1] && weights.at(1) == source[1] && source[0] == target[0];
  const bool square = weights.at(2) == taps && weights.at(3) == taps && op.integer("stride", 0) == 1 && op.integer("stride", 1) == 1;
  const bool fits = out.height == in.height + top + op.integer("padding", 2) - (taps - 1) && out.width == in.width + left + op.integer("padding", 3) - (taps - 1);
  const bool blocked = c.value(x).layout == Layout::blocked && c.value(y).layout == Layout::blocked && c.value(x).precision == c.value(y).precision;
  if (!dense || !square || !fits || !blocked) throw std::runtime_error("'" + op.kernel + "' is nothing for Winograd's method");
}

Shape Shape::backward() const {
  Shape result = *this;
  // With the taps in the other order, a row of zeros stands where before there was none.
  result.top = taps - 1 - top;
  result.left = taps - 1 - left;
  result.in = {grid.batch, outBlocks, grid.height, grid.width};
  result.outBlocks = in.blocks;
  result.grid = {in.batch, in.height, in.width};
  return result;
}

template <class Pixel>
void transformInputs(const Shape &s, const Pixel *x, int64_t first, int64_t count, Lanes *to, int64_t tiles, int64_t valueStep) {
#pragma omp for collapse(2) schedule(static)
  for (int64_t b = 0; b < s.in.blocks; b++)
    for (int64_t t = 0; t < count; t++) {
      const auto place = s.grid.at(first + t);
      Lanes copy[values];
      const Pixel *plane = x + s.in.plane(place.image, b);
      const auto window = windowAt<reach>(plane, s.in.height, s.in.width, place.row - s.top, place.column - s.left, copy);
      inBothDirections<reach, reach, ofInput>(window.first, window.steps, to + b * tiles + t, {reach * valueStep, valueStep});
    }
}

template void transformInputs(const Shape &, const Lanes *, int64_t, int64_t, Lanes *, int64_t, int64_t);
template void transformInputs(const Shape &, const Bfloat16Lanes *, int64_t, int64_t, Lanes *, int64_t, int64_t);

}  // namespace regraft::winograd
