// How convolutions are described to oneDNN: shapes with padded channels, primitives, and the layout of their weights.
#pragma once
#include "convolution/groups.h"
#include "plan/context.h"

namespace regraft {

/// A convolution's shapes as oneDNN wants them, with padded channels.
struct Geometry {
  dnnl::memory::dims source, weights, target;
  bool depthwise;
  /// Where there are several groups of several channels.
  Groups groups;
  /// How their weights are kept: row-major.
  dnnl::memory::desc kept;
  bool winograd, pointwise, tiles;
  dnnl::memory::data_type stored;
  api::Convolution convolution;
};

/// @param x, w, y indices of the convolution's input, weights and output, or of their gradients
Geometry geometryOf(const Context &context, const Operation &op, int x, int w, int y);

/// What a primitive does besides: a ReLU with `relu`, which ends at six with `six`, after adding what stands in its target.
dnnl::primitive_attr attributes(bool relu = false, bool six = false, bool residual = false);

api::Forward forwardDesc(Context &context, const Geometry &geometry, bool bias, const dnnl::primitive_attr &attr);

api::BackwardWeights weightGradientDesc(Context &context, const Geometry &geometry, const api::Forward &forward);

/// The layout that weights, their gradient and their momentum are kept in, in float32: the one that the forward pass
/// chooses, or where that reads bfloat16, the one that the gradient is computed in.
dnnl::memory::desc weightLayout(Context &context, const Geometry &geometry);

}  // namespace regraft
