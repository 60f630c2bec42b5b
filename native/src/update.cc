// The optimisers' updates; where outputs are the inputs themselves they happen in place.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "plan/registry.h"

namespace regraft {

namespace {

/// Floats of a value, padding of its layout included.
int64_t floatsOf(Context &c, int index) {
  const auto &layout = c.weightLayouts[index];
  const bool weights = c.value(index).layout == Layout::weights && api::isSet(layout);
  return static_cast<int64_t>((weights ? layout.get_size() : c.value(index).bytes) / sizeof(float));
}

/// Optimiser state lies as the parameter lies, and so must the gradient: then elements correspond whatever the layout.
int64_t sameLayout(Context &c, std::initializer_list<int> values) {
  dnnl::memory::desc layout;
  for (int value : values)
    if (!api::isSet(layout) && c.value(value).layout == Layout::weights) layout = c.weightLayouts[value];
  for (int value : values) {
    if (c.value(value).layout != Layout::weights) continue;
    if (!api::isSet(c.weightLayouts[value])) c.weightLayouts[value] = layout;
    if (c.weightLayouts[value] != layout) throw std::runtime_error("'" + c.value(value).name + "' lies otherwise than '" + c.value(*values.begin()).name + "'");
  }
  return floatsOf(c, *values.begin());
}

Step blend(Context &c, const Operation &op) {
  const int64_t count = sameLayout(c, {op.in(0), op.in(1), op.out(0)});
  return [=, &c]() {
    const float keep = *c.data(op.in(2)), share = *c.data(op.in(3));
    const float *old = c.data(op.in(0)), *value = c.data(op.in(1));
    float *next = c.data(op.out(0));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) next[i] = keep * old[i] + share * value[i];
  };
}

/// Squares are summed in parts of fixed size, so that the sum does not depend on which thread is the first.
Step clipScale(Context &c, const Operation &op) {
  constexpr int64_t part = 1 << 14;
  std::vector<std::pair<int, int64_t>> parts;  // value, first float
  for (size_t i = 1; i < op.inputs.size(); i++)
    for (int64_t first = 0; first < floatsOf(c, op.in(i)); first += part) parts.emplace_back(op.in(i), first);
  std::vector<double> sums(parts.size());
  return [=, &c]() mutable {
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < parts.size(); p++) {
      const int value = parts[p].first;
      const int64_t first = parts[p].second;
      const float *g = c.data(value);
      const int64_t end = std::min(first + part, floatsOf(c, value));
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = first; i < end; i++) sum += static_cast<double>(g[i]) * g[i];
      sums[p] = sum;
    }
    double squares = 0;
    for (double sum : sums) squares += sum;
    *c.data(op.out(0)) = static_cast<float>(std::min(1.0, *c.data(op.in(0)) / (std::sqrt(squares) + 1e-6)));
  };
}

/// What gradients are multiplied by: an optional input.
float scaleOf(Context &c, int index) { return index < 0 ? 1 : *c.data(index); }

Step sgd(Context &c, const Operation &op) {
  const bool nesterov = op.integer("nesterov");
  const int64_t count = sameLayout(c, {op.in(0), op.in(1), op.in(2), op.out(0), op.out(1)});
  return [=, &c]() {
    const float rate = *c.data(op.in(3)), momentum = *c.data(op.in(4)), decay = *c.data(op.in(5)), scale = scaleOf(c, op.in(6));
    const float *w = c.data(op.in(0)), *g = c.data(op.in(1)), *v = c.data(op.in(2));
    float *nextW = c.data(op.out(0)), *nextV = c.data(op.out(1));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) {
      const float decayed = scale * g[i] + decay * w[i];
      const float velocity = momentum * v[i] + decayed;
      nextV[i] = velocity;
      nextW[i] = w[i] - rate * (nesterov ? decayed + momentum * velocity : velocity);
    }
  };
}

Step adamW(Context &c, const Operation &op) {
  const float eps = op.number("eps");
  const int64_t count = sameLayout(c, {op.in(0), op.in(1), op.in(2), op.in(3), op.out(0), op.out(1), op.out(2)});
  return [=, &c]() {
    const float rate = *c.data(op.in(4)), decay = *c.data(op.in(5)), correction1 = *c.data(op.in(6)), correction2 = *c.data(op.in(7));
    const float beta1 = *c.data(op.in(8)), beta2 = *c.data(op.in(9)), scale = scaleOf(c, op.in(10));
    const float *w = c.data(op.in(0)), *g = c.data(op.in(1)), *m = c.data(op.in(2)), *v = c.data(op.in(3));
    float *nextW = c.data(op.out(0)), *nextM = c.data(op.out(1)), *nextV = c.data(op.out(2));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) {
      const float gradient = scale * g[i];
      const float first = beta1 * m[i] + (1 - beta1) * gradient, second = beta2 * v[i] + (1 - beta2) * gradient * gradient;
      nextM[i] = first;
      nextV[i] = second;
      nextW[i] = w[i] * (1 - rate * decay) - rate / correction1 * first / (std::sqrt(second / correction2) + eps);
    }
  };
}

}  // namespace

void registerUpdates(Registry &registry) {
  registry["blend"] = blend;
  registry["clipScale"] = clipScale;
  registry["sgd"] = sgd;
  registry["adamW"] = adamW;
}

Builder builderOf(const std::string &kernel) {
  static const Registry registry = [] {
    Registry all;
    registerConvolutions(all);
    registerNorms(all);
    registerNormGradients(all);
    registerDepthwise(all);
    registerDepthwiseGradients(all);
    registerPools(all);
    registerDense(all);
    registerUpdates(all);
    return all;
  }();
  const auto found = registry.find(kernel);
  return found == registry.end() ? nullptr : found->second;
}

}  // namespace regraft
