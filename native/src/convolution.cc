// Convolutions and their gradients by oneDNN's primitives; depthwise weight gradients by an own kernel (depthwise.cc).
#include <cstring>
#include <map>
#include <stdexcept>

#include "depthwise.h"
#include "layout.h"
#include "registry.h"

namespace regraft {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

namespace {

/// A convolution's shapes as oneDNN wants them, with padded channels.
struct Geometry {
  memory::dims source, weights, target, stride, padBefore, padAfter;
  bool depthwise, plainSource;
  memory::data_type stored;
  memory::desc sourceDesc, anyWeights, targetDesc;
};

/// @param x, w, y indices of the convolution's input, weights and output, or of their gradients
Geometry geometryOf(const Context &c, const Operation &op, int x, int w, int y) {
  const auto source = c.dims(x), weights = c.dims(w), target = c.dims(y);
  const bool plainSource = c.value(x).layout == Layout::plain;
  Geometry g;
  const int64_t groups = op.integer("groups");
  g.depthwise = groups > 1 && groups == source[1] && groups == weights[0];
  g.plainSource = plainSource;
  const int64_t inputs = plainSource ? source[1] : padded(source[1]), outputs = padded(target[1]);
  g.source = {source[0], inputs, source[2], source[3]};
  g.target = {target[0], outputs, target[2], target[3]};
  if (g.depthwise) g.weights = {outputs, 1, 1, weights[2], weights[3]};
  else if (groups == 1) g.weights = {outputs, inputs, weights[2], weights[3]};
  else {
    // Groups that are no multiple of a block cannot be padded one by one.
    g.source[1] = source[1];
    g.target[1] = target[1];
    g.weights = {groups, weights[0] / groups, weights[1], weights[2], weights[3]};
  }
  g.stride = {op.integer("stride", 0), op.integer("stride", 1)};
  g.padBefore = {op.integer("padding", 0), op.integer("padding", 1)};
  g.padAfter = {op.integer("padding", 2), op.integer("padding", 3)};
  g.stored = c.value(y).precision == Precision::bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  g.sourceDesc = memory::desc(g.source, g.stored, plainSource ? memory::format_tag::nchw : memory::format_tag::nChw16c);
  g.targetDesc = memory::desc(g.target, g.stored, memory::format_tag::nChw16c);
  // The own depthwise kernel wants the taps of a block of channels together.
  g.anyWeights = memory::desc(g.weights, g.stored, g.depthwise ? memory::format_tag::Goihw16g : memory::format_tag::any);
  return g;
}

dnnl::primitive_attr attributes(float relu, bool six, bool residual) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops post;
  if (residual) post.append_sum(1.0f);
  if (relu > 0) {
    if (six) post.append_eltwise(1.0f, algorithm::eltwise_clip, 0.0f, 6.0f);
    else post.append_eltwise(1.0f, algorithm::eltwise_relu, 0.0f, 0.0f);
  }
  if (post.len() > 0) attr.set_post_ops(post);
  return attr;
}

dnnl::convolution_forward::primitive_desc forwardDesc(Context &c, const Geometry &g, bool bias, const dnnl::primitive_attr &attr) {
  const auto kind = prop_kind::forward_training;
  if (!bias) {
    dnnl::convolution_forward::desc d(kind, algorithm::convolution_direct, g.sourceDesc, g.anyWeights, g.targetDesc, g.stride, g.padBefore, g.padAfter);
    return {d, attr, c.engine};
  }
  memory::desc b({g.target[1]}, memory::data_type::f32, memory::format_tag::x);
  dnnl::convolution_forward::desc d(kind, algorithm::convolution_direct, g.sourceDesc, g.anyWeights, b, g.targetDesc, g.stride, g.padBefore, g.padAfter);
  return {d, attr, c.engine};
}

dnnl::convolution_backward_weights::primitive_desc weightGradientDesc(Context &c, const Geometry &g, const dnnl::convolution_forward::primitive_desc &forward) {
  const memory::desc wanted(g.weights, memory::data_type::f32, memory::format_tag::any);
  dnnl::convolution_backward_weights::desc d(algorithm::convolution_direct, g.sourceDesc, wanted, g.targetDesc, g.stride, g.padBefore, g.padAfter);
  return {d, attributes(0, false, false), c.engine, forward};
}

/// The layout that weights, their gradient and their momentum are kept in, in float32: the one that the forward pass
/// chooses, or where that reads bfloat16, the one that the gradient is computed in.
memory::desc weightLayout(Context &c, const Geometry &g) {
  if (g.depthwise) return memory::desc(g.weights, memory::data_type::f32, memory::format_tag::Goihw16g);
  const auto forward = forwardDesc(c, g, false, attributes(0, false, false));
  return g.stored == memory::data_type::f32 ? forward.weights_desc() : weightGradientDesc(c, g, forward).diff_weights_desc();
}

/// Takes note of the implementation that oneDNN chose for a value.
template <class PrimitiveDesc>
void note(Context &c, const Operation &op, int value, const PrimitiveDesc &pd) {
  c.implementations.push_back(op.kernel + " " + c.value(value).name + ": " + pd.impl_info_str());
}

/// Weights as a primitive wants them: where they are kept, or put in order for it right before it runs; in bfloat16 and
/// for strips into a copy of its own, which is made again when the weights have changed.
struct WeightsIn {
  memory kept, wanted;
  std::shared_ptr<Arena> own;
  uint64_t version = 0;
  int index;
  dnnl::reorder reorder;
  std::vector<int64_t> dims;
  memory::desc layout;
  bool plain = false, same = true;

  WeightsIn(Context &c, int at, const memory::desc &keptLayout, const memory::desc &wantedLayout) : index(at), dims(c.value(index).dims), layout(keptLayout) {
    plain = c.value(index).layout == Layout::plain;
    if (!plain) {
      auto &chosen = c.weightLayouts[index];
      if (!chosen) chosen = keptLayout;
      layout = chosen;
      if (layout.get_size() > c.value(index).bytes) throw std::runtime_error("the layout of '" + c.value(index).name + "' is larger than planned");
    }
    same = !plain && layout == wantedLayout;
    kept = memory(layout, c.engine, nullptr);
    wanted = memory(wantedLayout, c.engine, nullptr);
    if (same) return;
    if (c.strip.times > 1 || wantedLayout.data_type() == memory::data_type::bf16) own = c.keep(wantedLayout.get_size());
    else c.wantStaging(wantedLayout.get_size());
    if (!plain) reorder = dnnl::reorder(kept, wanted);
  }

  const memory &prepare(Context &c, float *data) {
    if (same) {
      kept.set_data_handle(data);
      return kept;
    }
    if (own && version == c.versions[index]) return wanted;
    version = c.versions[index];
    float *to = own ? reinterpret_cast<float *>(own->data()) : c.staging();
    wanted.set_data_handle(to);
    if (plain) toWeights(c, data, to, dims, wanted.get_desc());
    else {
      kept.set_data_handle(data);
      reorder.execute(c.stream, kept, wanted);
    }
    return wanted;
  }
};

Step conv2d(Context &c, const Operation &op) {
  const int x = op.in(0), w = op.in(1), bias = op.in(2), residual = op.in(3), y = op.out(0);
  const auto g = geometryOf(c, op, x, w, y);
  const double activation = op.number("activation");
  const auto pd = forwardDesc(c, g, bias >= 0, attributes(activation > 0, activation == 2, residual >= 0));
  note(c, op, y, pd);
  c.wantScratch(pd.scratchpad_desc().get_size());
  auto weights = std::make_shared<WeightsIn>(c, w, weightLayout(c, g), pd.weights_desc());
  dnnl::convolution_forward primitive(pd);
  std::unordered_map<int, memory> args{{DNNL_ARG_SRC, memory(pd.src_desc(), c.engine, nullptr)},
                                       {DNNL_ARG_DST, memory(pd.dst_desc(), c.engine, nullptr)},
                                       {DNNL_ARG_SCRATCHPAD, memory(pd.scratchpad_desc(), c.engine, nullptr)}};
  std::shared_ptr<Arena> wide;
  if (bias >= 0) {
    wide = c.keep(g.target[1] * sizeof(float));
    args.emplace(DNNL_ARG_BIAS, memory(pd.bias_desc(), c.engine, wide->data()));
  }
  args.emplace(DNNL_ARG_WEIGHTS, memory());
  const size_t bytes = c.planes(y).floats() * memory::data_type_size(g.stored);
  return [&c, x, w, bias, residual, y, weights, primitive, args, wide, bytes]() mutable {
    args[DNNL_ARG_SRC].set_data_handle(c.data(x));
    args[DNNL_ARG_DST].set_data_handle(c.data(y));
    args[DNNL_ARG_WEIGHTS] = weights->prepare(c, c.data(w));
    args[DNNL_ARG_SCRATCHPAD].set_data_handle(c.scratch());
    if (wide) memcpy(wide->data(), c.data(bias), c.value(bias).dims[0] * sizeof(float));
    // The sum is added to what stands in the target.
    if (residual >= 0 && c.data(residual) != c.data(y)) memcpy(c.data(y), c.data(residual), bytes);
    primitive.execute(c.stream, args);
  };
}

Step inputGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), w = op.in(1), dx = op.out(0);
  const auto g = geometryOf(c, op, dx, w, dy);
  const auto forward = forwardDesc(c, g, false, attributes(0, false, false));
  if (g.depthwise && hasDepthwiseInputGradient(op, c.dims(w))) {
    auto weights = std::make_shared<WeightsIn>(c, w, weightLayout(c, g), weightLayout(c, g));
    const auto kernel = depthwiseInputGradient(c, op);
    return [&c, w, weights, kernel]() { kernel(static_cast<const float *>(weights->prepare(c, c.data(w)).get_data_handle())); };
  }
  dnnl::convolution_backward_data::desc d(algorithm::convolution_direct, g.sourceDesc, g.anyWeights, g.targetDesc, g.stride, g.padBefore, g.padAfter);
  const dnnl::convolution_backward_data::primitive_desc pd(d, attributes(0, false, false), c.engine, forward);
  note(c, op, dx, pd);
  c.wantScratch(pd.scratchpad_desc().get_size());
  auto weights = std::make_shared<WeightsIn>(c, w, weightLayout(c, g), pd.weights_desc());
  dnnl::convolution_backward_data primitive(pd);
  std::unordered_map<int, memory> args{{DNNL_ARG_DIFF_DST, memory(pd.diff_dst_desc(), c.engine, nullptr)},
                                       {DNNL_ARG_DIFF_SRC, memory(pd.diff_src_desc(), c.engine, nullptr)},
                                       {DNNL_ARG_SCRATCHPAD, memory(pd.scratchpad_desc(), c.engine, nullptr)},
                                       {DNNL_ARG_WEIGHTS, memory()}};
  return [&c, dy, w, dx, weights, primitive, args]() mutable {
    args[DNNL_ARG_DIFF_DST].set_data_handle(c.data(dy));
    args[DNNL_ARG_DIFF_SRC].set_data_handle(c.data(dx));
    args[DNNL_ARG_WEIGHTS] = weights->prepare(c, c.data(w));
    args[DNNL_ARG_SCRATCHPAD].set_data_handle(c.scratch());
    primitive.execute(c.stream, args);
  };
}

Step weightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const auto g = geometryOf(c, op, x, dw, dy);
  const auto forward = forwardDesc(c, g, false, attributes(0, false, false));
  const auto layout = weightLayout(c, g);
  c.weightLayouts[dw] = layout;
  if (layout.get_size() > c.value(dw).bytes) throw std::runtime_error("the layout of '" + c.value(dw).name + "' is larger than planned");
  if (g.depthwise) return depthwiseWeightGradient(c, op);
  const auto pd = weightGradientDesc(c, g, forward);
  note(c, op, dw, pd);
  c.wantScratch(pd.scratchpad_desc().get_size());
  const bool same = pd.diff_weights_desc() == layout, parts = c.strip.times > 1;
  memory target(pd.diff_weights_desc(), c.engine, nullptr), kept(layout, c.engine, c.data(dw));
  dnnl::reorder move, add;
  if (!same || parts) c.wantStaging(pd.diff_weights_desc().get_size());
  if (!same) move = dnnl::reorder(target, kept);
  if (parts) {
    dnnl::primitive_attr sum;
    dnnl::post_ops post;
    post.append_sum(1.0f);
    sum.set_post_ops(post);
    add = dnnl::reorder(target, kept, sum);
  }
  dnnl::convolution_backward_weights primitive(pd);
  std::unordered_map<int, memory> args{{DNNL_ARG_SRC, memory(pd.src_desc(), c.engine, nullptr)},
                                       {DNNL_ARG_DIFF_DST, memory(pd.diff_dst_desc(), c.engine, nullptr)},
                                       {DNNL_ARG_DIFF_WEIGHTS, target},
                                       {DNNL_ARG_SCRATCHPAD, memory(pd.scratchpad_desc(), c.engine, nullptr)}};
  return [&c, x, dy, dw, same, target, kept, move, add, primitive, args]() mutable {
    // The first part of a strip is written, the others are added to it.
    const bool first = c.firstImage == 0, direct = same && first;
    args[DNNL_ARG_SRC].set_data_handle(c.data(x));
    args[DNNL_ARG_DIFF_DST].set_data_handle(c.data(dy));
    args[DNNL_ARG_SCRATCHPAD].set_data_handle(c.scratch());
    args[DNNL_ARG_DIFF_WEIGHTS].set_data_handle(direct ? c.data(dw) : c.staging());
    primitive.execute(c.stream, args);
    if (direct) return;
    target.set_data_handle(c.staging());
    (first ? move : add).execute(c.stream, target, kept);
  };
}

}  // namespace

void registerConvolutions(Registry &registry) {
  registry["conv2d"] = conv2d;
  registry["conv2dInputGradient"] = inputGradient;
  registry["conv2dWeightGradient"] = weightGradient;
}

}  // namespace regraft
