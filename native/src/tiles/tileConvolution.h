// Dense convolutions of bfloat16, and both their gradients, as products of tiles.
#pragma once
#include <stdexcept>

#include "plan/context.h"
#include "convolution/convolutionKernel.h"

namespace regraft::tiles {

/// Whether the plan wants this convolution, or this gradient of one, computed so: src/engines/onednn/tiles.ts.
inline bool wanted(const Operation &op) { return op.numbers.count("tiles") > 0; }

/// A convolution's sides, by the blocks of channels that images and outputs lie in.
struct Shape {
  Context::Planes in, out;
  int64_t kernelHeight, kernelWidth, rowStep, columnStep, top, left;

  /// @param x, w, y indices of what the convolution reads, its weights and what it gives, or of their gradients
  Shape(const Context &c, const Operation &op, int x, int w, int y) : in(c.planes(x)), out(c.planes(y)) {
    const auto weights = c.dims(w);
    kernelHeight = weights[2];
    kernelWidth = weights[3];
    rowStep = op.integer("stride", 0);
    columnStep = op.integer("stride", 1);
    top = op.integer("padding", 0);
    left = op.integer("padding", 1);
    for (int index : {x, y})
      if (op.integer("groups") != 1 || c.value(index).layout != Layout::blocked || c.value(index).precision != Precision::bfloat16)
        throw std::runtime_error("'" + op.kernel + "' is no dense convolution of blocks of bfloat16");
  }
  /// Columns of a raster in which every tap of every output finds its pixel: the rows of all phases are as long.
  int64_t columns() const { return out.width + (kernelWidth - 1) / columnStep; }
  int64_t rows() const { return out.height + (kernelHeight - 1) / rowStep; }
  int64_t area() const { return kernelHeight * kernelWidth; }
};

/// The forward convolution with what follows it.
ConvolutionKernel forward(Context &context, const Operation &op);
ConvolutionKernel inputGradient(Context &context, const Operation &op);
regraft::Step weightGradient(Context &context, const Operation &op);
/// The same where pictures are read as they come.
regraft::Step pictureGradient(Context &context, const Operation &op);

}  // namespace regraft::tiles
