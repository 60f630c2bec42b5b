#include "convolution/geometry.h"

#include "depthwise/depthwise.h"
#include "convolution/pointwise.h"
#include "tiles/tileConvolution.h"
#include "winograd/winograd.h"

namespace regraft {

using dnnl::algorithm;
using dnnl::memory;

namespace {

constexpr auto blocked = block == 16 ? memory::format_tag::nChw16c : memory::format_tag::nChw8c;

}  // namespace

Geometry geometryOf(const Context &c, const Operation &op, int x, int w, int y) {
  const auto source = c.dims(x), weights = c.dims(w), target = c.dims(y);
  const bool plainSource = c.value(x).layout == Layout::plain;
  Geometry g;
  const int64_t groups = op.integer("groups");
  g.depthwise = groups > 1 && groups == source[1] && groups == weights[0];
  const int64_t inputs = plainSource ? source[1] : padded(source[1]), outputs = padded(target[1]);
  g.source = {source[0], inputs, source[2], source[3]};
  g.target = {target[0], outputs, target[2], target[3]};
  if (groups > 1 && !g.depthwise) {
    g.groups = Groups(groups, weights);
    g.kept = memory::desc(weights, memory::data_type::f32, memory::format_tag::oihw);
  }
  if (g.groups.any()) g.weights = {g.groups.count, g.groups.wideOutputs, g.groups.wideInputs, weights[2], weights[3]};
  else if (g.depthwise) g.weights = {outputs, 1, 1, weights[2], weights[3]};
  else g.weights = {outputs, inputs, weights[2], weights[3]};
  g.winograd = winograd::wanted(op);
  g.pointwise = pointwise::wanted(op);
  g.tiles = tiles::wanted(op);
  auto &convolution = g.convolution;
  convolution.stride = {op.integer("stride", 0), op.integer("stride", 1)};
  convolution.padBefore = {op.integer("padding", 0), op.integer("padding", 1)};
  convolution.padAfter = {op.integer("padding", 2), op.integer("padding", 3)};
  g.stored = c.value(y).precision == Precision::bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  convolution.source = memory::desc(g.source, g.stored, plainSource ? memory::format_tag::nchw : blocked);
  convolution.target = memory::desc(g.target, g.stored, blocked);
  // The own depthwise kernels want the taps of a block of channels together.
  convolution.weights = memory::desc(g.weights, g.stored, g.depthwise ? depthwiseTag : memory::format_tag::any);
  return g;
}

dnnl::primitive_attr attributes(bool relu, bool six, bool residual) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops post;
  if (residual) post.append_sum(1.0f);
  if (relu) {
    if (six) api::appendActivation(post, algorithm::eltwise_clip, 0.0f, 6.0f);
    else api::appendActivation(post, algorithm::eltwise_relu, 0.0f, 0.0f);
  }
  if (post.len() > 0) attr.set_post_ops(post);
  return attr;
}

api::Forward forwardDesc(Context &c, const Geometry &g, bool bias, const dnnl::primitive_attr &attr) {
  if (!bias) return api::forward(c.engine, g.convolution, attr);
  return api::forward(c.engine, g.convolution, memory::desc({g.target[1]}, memory::data_type::f32, memory::format_tag::x), attr);
}

api::BackwardWeights weightGradientDesc(Context &c, const Geometry &g, const api::Forward &forward) {
  // What the primitive likes best, which need not be how the weights are kept.
  api::Convolution gradient = g.convolution;
  gradient.weights = memory::desc(g.weights, memory::data_type::f32, memory::format_tag::any);
  return api::backwardWeights(c.engine, gradient, forward, attributes());
}

memory::desc weightLayout(Context &c, const Geometry &g) {
  if (g.groups.any()) return g.kept;
  if (g.depthwise) return memory::desc(g.weights, memory::data_type::f32, depthwiseTag);
  if (g.winograd || g.pointwise || g.tiles) return memory::desc(g.weights, memory::data_type::f32, denseTag);
  const auto forward = forwardDesc(c, g, false, attributes());
  return g.stored == memory::data_type::f32 ? forward.weights_desc() : weightGradientDesc(c, g, forward).diff_weights_desc();
}

}  // namespace regraft
