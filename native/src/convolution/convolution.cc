// Convolutions and their gradients: by own kernels where the plan or the shape says so, else by oneDNN's primitives.
#include <cstring>
#include <unordered_map>
#include <stdexcept>

#include "depthwise/depthwise.h"
#include "convolution/gathered.h"
#include "convolution/geometry.h"
#include "convolution/pointwise.h"
#include "plan/registry.h"
#include "tiles/tileConvolution.h"
#include "tiles/tiles.h"
#include "convolution/weightsIn.h"
#include "winograd/winograd.h"

namespace regraft {

using dnnl::memory;

namespace {

/// A primitive with arguments for each thread that works on parts of its own.
class Call {
 public:
  template <class PrimitiveDesc>
  Call(Context &c, const PrimitiveDesc &pd, dnnl::primitive made, std::initializer_list<std::pair<int, memory::desc>> takes) : context(c), primitive(std::move(made)) {
    c.wantScratch(pd.scratchpad_desc().get_size());
    for (int i = 0; i < c.workers(); i++) {
      args.emplace_back();
      for (const auto &[key, desc] : takes) args.back().emplace(key, memory(desc, c.engine, nullptr));
      args.back().emplace(DNNL_ARG_SCRATCHPAD, memory(pd.scratchpad_desc(), c.engine, nullptr));
    }
  }
  void operator()(std::initializer_list<std::pair<int, void *>> given) {
    auto &own = args[Context::part().thread];
    for (const auto &[key, data] : given) own.at(key).set_data_handle(data);
    own.at(DNNL_ARG_SCRATCHPAD).set_data_handle(context.scratch());
    primitive.execute(context.stream, own);
  }

 private:
  Context &context;
  dnnl::primitive primitive;
  std::vector<std::unordered_map<int, memory>> args;
};

Step ownConvolution(Context &c, const Operation &op, const Geometry &g, const ConvolutionKernel &kernel, int bias) {
  const int w = op.in(1);
  const auto layout = weightLayout(c, g);
  const auto weights = std::make_shared<WeightsIn>(c, w, layout, layout);
  const auto wide = c.keep(bias < 0 ? 0 : g.target[1] * sizeof(float));
  const float *shift = bias < 0 ? nullptr : reinterpret_cast<const float *>(wide->data());
  const auto before = [=, &c] {
    weights->prepare(c, c.data(w));
    kernel.prepare(weights->data(c, c.data(w)));
    if (bias >= 0) memcpy(wide->data(), c.data(bias), c.value(bias).dims[0] * sizeof(float));
  };
  return {[=] { kernel.run(shift); }, before, nullptr};
}

Step conv2d(Context &c, const Operation &op) {
  const int x = op.in(0), w = op.in(1), bias = op.in(2), residual = op.in(3), y = op.out(0);
  const auto g = geometryOf(c, op, x, w, y);
  if (g.tiles) return ownConvolution(c, op, g, tiles::forward(c, op), bias);
  if (g.winograd) return ownConvolution(c, op, g, winograd::forward(c, op), bias);
  if (g.pointwise) return ownConvolution(c, op, g, pointwise::forward(c, op), bias);
  // oneDNN's products of bfloat16 by twos are slow for single channels on CPUs with tiles, which these kernels stand in for.
  if (g.depthwise && tiles::found().kind != tiles::Kind::none && hasDepthwiseServed(c, op)) return ownConvolution(c, op, g, depthwiseServed(c, op), bias);
  const double activation = op.number("activation");
  const auto pd = forwardDesc(c, g, bias >= 0, attributes(activation > 0, activation == 2, residual >= 0));
  c.implementation = pd.impl_info_str();
  auto weights = std::make_shared<WeightsIn>(c, w, weightLayout(c, g), pd.weights_desc(), g.groups);
  auto call = std::make_shared<Call>(
      c, pd, dnnl::convolution_forward(pd),
      std::initializer_list<std::pair<int, memory::desc>>{
          {DNNL_ARG_SRC, pd.src_desc()}, {DNNL_ARG_WEIGHTS, pd.weights_desc()}, {DNNL_ARG_BIAS, pd.bias_desc()}, {DNNL_ARG_DST, pd.dst_desc()}});
  const std::shared_ptr<Arena> wide = c.keep(g.target[1] * sizeof(float));
  const size_t bytes = c.planes(y).floats() * memory::data_type_size(g.stored);
  const auto run = [=, &c] {
    // The sum is added to what stands in the target.
    if (residual >= 0 && c.data(residual) != c.data(y)) memcpy(c.data(y), c.data(residual), bytes);
    (*call)({{DNNL_ARG_SRC, c.data(x)}, {DNNL_ARG_WEIGHTS, weights->data(c, c.data(w))}, {DNNL_ARG_BIAS, wide->data()}, {DNNL_ARG_DST, c.data(y)}});
  };
  const auto before = [=, &c] {
    weights->prepare(c, c.data(w));
    if (bias >= 0) memcpy(wide->data(), c.data(bias), c.value(bias).dims[0] * sizeof(float));
  };
  return {run, before, nullptr};
}

Step inputGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), w = op.in(1), dx = op.out(0);
  const auto g = geometryOf(c, op, dx, w, dy);
  if (g.tiles) return ownConvolution(c, op, g, tiles::inputGradient(c, op), -1);
  if (g.winograd) return ownConvolution(c, op, g, winograd::inputGradient(c, op), -1);
  if (g.pointwise) return ownConvolution(c, op, g, pointwise::inputGradient(c, op), -1);
  const auto forward = forwardDesc(c, g, false, attributes());
  if (g.depthwise && hasDepthwiseInputGradient(op, c.dims(w))) {
    auto weights = std::make_shared<WeightsIn>(c, w, weightLayout(c, g), weightLayout(c, g));
    const auto kernel = depthwiseInputGradient(c, op);
    return {[=, &c] { kernel(weights->data(c, c.data(w))); }, [=, &c] { weights->prepare(c, c.data(w)); }, nullptr};
  }
  const auto pd = api::backwardData(c.engine, g.convolution, forward, attributes());
  c.implementation = pd.impl_info_str();
  auto weights = std::make_shared<WeightsIn>(c, w, weightLayout(c, g), pd.weights_desc(), g.groups);
  auto call = std::make_shared<Call>(c, pd, dnnl::convolution_backward_data(pd),
                                     std::initializer_list<std::pair<int, memory::desc>>{
                                         {DNNL_ARG_DIFF_DST, pd.diff_dst_desc()}, {DNNL_ARG_WEIGHTS, pd.weights_desc()}, {DNNL_ARG_DIFF_SRC, pd.diff_src_desc()}});
  return {[=, &c] { (*call)({{DNNL_ARG_DIFF_DST, c.data(dy)}, {DNNL_ARG_WEIGHTS, weights->data(c, c.data(w))}, {DNNL_ARG_DIFF_SRC, c.data(dx)}}); },
          [=, &c] { weights->prepare(c, c.data(w)); }, nullptr};
}

Step weightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const auto g = geometryOf(c, op, x, dw, dy);
  const auto layout = weightLayout(c, g);
  c.weightLayouts[dw] = layout;
  if (layout.get_size() > c.value(dw).bytes) throw std::runtime_error("the layout of '" + c.value(dw).name + "' is larger than planned");
  if (g.depthwise) return depthwiseWeightGradient(c, op);
  if (g.tiles) return tiles::weightGradient(c, op);
  if (g.winograd) return winograd::weightGradient(c, op);
  if (g.pointwise) return pointwise::weightGradient(c, op);
  const auto forward = forwardDesc(c, g, false, attributes());
  const auto pd = weightGradientDesc(c, g, forward);
  c.implementation = pd.impl_info_str();
  auto call = std::make_shared<Call>(c, pd, dnnl::convolution_backward_weights(pd),
                                     std::initializer_list<std::pair<int, memory::desc>>{
                                         {DNNL_ARG_SRC, pd.src_desc()}, {DNNL_ARG_DIFF_DST, pd.diff_dst_desc()}, {DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc()}});
  const size_t bytes = pd.diff_weights_desc().get_size();
  const int64_t count = static_cast<int64_t>(bytes / sizeof(float));
  const bool same = pd.diff_weights_desc() == layout;
  if (c.strip.times > c.workers()) c.wantStaging(bytes);
  const Gathered gathered(c, count, same ? dw : -1);
  const auto run = [=, &c] {
    float *own = gathered.of(Context::part().thread), *to = Context::part().first ? own : c.staging();
    (*call)({{DNNL_ARG_SRC, c.data(x)}, {DNNL_ARG_DIFF_DST, c.data(dy)}, {DNNL_ARG_DIFF_WEIGHTS, to}});
    if (to == own) return;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) own[i] += to[i];
  };
  const Groups groups = g.groups;
  const size_t joined = groups.any() ? c.hold(groups.floats() * sizeof(float)) : 0;
  memory target(pd.diff_weights_desc(), c.engine, nullptr);
  memory kept(groups.any() ? memory::desc(g.weights, memory::data_type::f32, memory::format_tag::goihw) : layout, c.engine, nullptr);
  const dnnl::reorder reorder = same ? dnnl::reorder() : dnnl::reorder(target, kept);
  const auto after = [=, &c]() mutable {
    gathered.join();
    if (same) return;
    target.set_data_handle(gathered.of(0));
    kept.set_data_handle(groups.any() ? c.held(joined) : c.data(dw));
    reorder.execute(c.stream, target, kept);
    if (groups.any()) groups.part(c.held(joined), c.data(dw));
  };
  return {run, nullptr, after};
}

}  // namespace

void registerConvolutions(Registry &registry) {
  registry["conv2d"] = conv2d;
  registry["conv2dInputGradient"] = inputGradient;
  registry["conv2dWeightGradient"] = weightGradient;
}

}  // namespace regraft
