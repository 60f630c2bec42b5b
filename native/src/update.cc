// The optimisers' updates; where outputs are the inputs themselves they happen in place.
#include <cmath>
#include <stdexcept>

#include "registry.h"

namespace regraft {

namespace {

/// Optimiser state lies as the parameter lies, and so must the gradient: then elements correspond whatever the layout.
int64_t sameLayout(Context &c, const Operation &op, std::initializer_list<int> others) {
  const int parameter = op.in(0);
  const auto &layout = c.weightLayouts[parameter];
  for (int other : others) {
    if (c.value(other).layout != Layout::weights) continue;
    if (!c.weightLayouts[other]) c.weightLayouts[other] = layout;
    if (c.weightLayouts[other] != layout) throw std::runtime_error("'" + c.value(other).name + "' lies otherwise than '" + c.value(parameter).name + "'");
  }
  if (c.value(parameter).layout == Layout::weights && layout) return static_cast<int64_t>(layout.get_size() / sizeof(float));
  return static_cast<int64_t>(c.value(parameter).bytes / sizeof(float));
}

Step sgd(Context &c, const Operation &op) {
  const bool nesterov = op.integer("nesterov");
  const int64_t count = sameLayout(c, op, {op.in(1), op.in(2), op.out(0), op.out(1)});
  return [=, &c]() {
    const float rate = *c.data(op.in(3)), momentum = *c.data(op.in(4)), decay = *c.data(op.in(5));
    const float *w = c.data(op.in(0)), *g = c.data(op.in(1)), *v = c.data(op.in(2));
    float *nextW = c.data(op.out(0)), *nextV = c.data(op.out(1));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) {
      const float decayed = g[i] + decay * w[i];
      const float velocity = momentum * v[i] + decayed;
      nextV[i] = velocity;
      nextW[i] = w[i] - rate * (nesterov ? decayed + momentum * velocity : velocity);
    }
  };
}

Step adamW(Context &c, const Operation &op) {
  const float beta1 = op.number("beta1"), beta2 = op.number("beta2"), eps = op.number("eps");
  const int64_t count = sameLayout(c, op, {op.in(1), op.in(2), op.in(3), op.out(0), op.out(1), op.out(2)});
  return [=, &c]() {
    const float rate = *c.data(op.in(4)), decay = *c.data(op.in(5)), correction1 = *c.data(op.in(6)), correction2 = *c.data(op.in(7));
    const float *w = c.data(op.in(0)), *g = c.data(op.in(1)), *m = c.data(op.in(2)), *v = c.data(op.in(3));
    float *nextW = c.data(op.out(0)), *nextM = c.data(op.out(1)), *nextV = c.data(op.out(2));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) {
      const float first = beta1 * m[i] + (1 - beta1) * g[i], second = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      nextM[i] = first;
      nextV[i] = second;
      nextW[i] = w[i] * (1 - rate * decay) - rate / correction1 * first / (std::sqrt(second / correction2) + eps);
    }
  };
}

}  // namespace

void registerUpdates(Registry &registry) {
  registry["sgd"] = sgd;
  registry["adamW"] = adamW;
}

Builder builderOf(const std::string &kernel) {
  static const Registry registry = [] {
    Registry all;
    registerConvolutions(all);
    registerNorms(all);
    registerPools(all);
    registerDense(all);
    registerUpdates(all);
    return all;
  }();
  const auto found = registry.find(kernel);
  return found == registry.end() ? nullptr : found->second;
}

}  // namespace regraft
