// Both gradients of a depthwise convolution in one pass, with what norms have to do before and after it.
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "depthwisePad.h"
#include "registry.h"

namespace regraft {

namespace {

/// What the norm before the convolution wants to know of its gradient, which is written past the cache if it stands elsewhere.
template <Activation A>
Sums sumAndWrite(const Lanes *dx, const Lanes *x, int64_t pixels, const Scale &scale, Lanes *elsewhere) {
  if (!elsewhere) return sumGradient<A, Mask::again>(dx, x, dx, pixels, scale, [](int64_t, Lanes, Lanes) {});
  return sumGradient<A, Mask::again>(dx, x, dx, pixels, scale, [=](int64_t i, Lanes change, Lanes) { writePast(elsewhere + i, change); });
}

auto weightKernel(int64_t kernel) { return kernel == 3 ? planeGradient<3, Lanes> : planeGradient<5, Lanes>; }

auto inputKernel(int64_t kernel, int64_t stride) {
  if (stride == 1) return kernel == 3 ? planeInputGradient<3, 1, Lanes> : planeInputGradient<5, 1, Lanes>;
  return kernel == 3 ? planeInputGradient<3, 2, Lanes> : planeInputGradient<5, 2, Lanes>;
}

/// x, dy, weights, scale; y, its scale and means (may be absent) -> dw, dx, sums (may be absent).
/// A norm with `scale` and `activation` gave the convolution's input from x: sums are what it needs of dx, the gradient of
/// what it gave. Where y is given, dy is the gradient of what a norm with that scale and `activationAfter` gave from y.
Step depthwiseGradients(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), w = op.in(2), coefficients = op.in(3), y = op.in(4), coefficientsAfter = op.in(5), taken = op.in(6);
  const int dw = op.out(0), dx = op.out(1), sums = op.out(2);
  if (!api::isSet(c.weightLayouts[w])) throw std::runtime_error("the gradients of '" + c.value(w).name + "' come before its convolution");
  c.weightLayouts[dw] = c.weightLayouts[w];
  const auto in = c.planes(x), out = c.planes(dy);
  const int64_t kernel = op.integer("kernel", 0), stride = op.integer("stride", 0), taps = kernel * kernel, reach = reachOf(kernel, stride);
  const DepthwiseShape s = weightGradientShape(in, out, op, kernel), change = inputGradientShape(in, out, op, kernel);
  const bool past = sums >= 0 && isMany(c.value(dx).bytes);
  const int64_t planes = s.batch * s.blocks, plane = s.paddedHeight * s.paddedWidth, planeOfChange = change.paddedHeight * change.paddedWidth, each = plane + planeOfChange + (past ? in.pixels() : 0);
  const auto pad = forActivation(op, padNormalised<Activation::none>, padNormalised<Activation::relu>, padNormalised<Activation::relu6>);
  const auto sum = forActivation(op, sumAndWrite<Activation::none>, sumAndWrite<Activation::relu>, sumAndWrite<Activation::relu6>);
  const auto padOutput = y < 0 ? padChange : forActivation(op, padThroughNorm<Activation::none>, padThroughNorm<Activation::relu>, padThroughNorm<Activation::relu6>, "activationAfter");
  const auto weightGradient = weightKernel(kernel);
  const auto inputGradient = inputKernel(kernel, stride);
  const GatheredTaps gathered(c, s, kernel, dw);
  c.wantScratch((gathered.partial() + c.team() * each) * sizeof(Lanes));
  const auto run = [=, &c] {
    const bool first = Context::part().first;
    const Lanes *source = as<Lanes>(c.data(x)), *given = as<Lanes>(c.data(dy)), *weights = as<Lanes>(c.data(w)), *after = as<Lanes>(c.data(y));
    const Scale *scale = as<Scale>(c.data(coefficients)), *scaleAfter = as<Scale>(c.data(coefficientsAfter));
    const Means *means = as<Means>(c.data(taken));
    Lanes *target = as<Lanes>(c.data(dx)), *partial = as<Lanes>(c.scratch()), *gradient = gathered.of(Context::part().thread);
    Sums *found = as<Sums>(c.data(sums));
#pragma omp parallel
    {
      Lanes *wide = partial + gathered.partial() + omp_get_thread_num() * each, *wideChange = wide + plane, *inside = wideChange + reach * (change.paddedWidth + 1);
      memset(wide, 0, (plane + planeOfChange) * sizeof(Lanes));
#pragma omp for schedule(static)
      for (int64_t i = 0; i < planes; i++) {
        const int64_t next = std::min(i + 1, planes - 1), b = i % s.blocks, at = i * in.pixels(), atChange = i * out.pixels();
        pad(source + at, wide, s, scale + b);
        padOutput(given + atChange, after + atChange, inside, change, scaleAfter + b, means + b);
        memset(partial + i * taps, 0, taps * sizeof(Lanes));
        weightGradient(s, wide, inside, change.paddedWidth, partial + i * taps, given + next * out.pixels(), (after ? after : given) + next * out.pixels());
        Lanes *made = past ? wideChange + planeOfChange : target + at;
        inputGradient(change, wideChange, weights + b * taps, made, source + next * in.pixels());
        if (found) found[i] = sum(made, source + at, in.pixels(), scale[b], past ? target + at : nullptr);
      }
      arrived();
      gathered.add(partial, gradient, first);
    }
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace

void registerDepthwiseGradients(Registry &registry) { registry["depthwiseGradients"] = depthwiseGradients; }

}  // namespace regraft
