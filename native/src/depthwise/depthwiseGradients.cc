// Both gradients of a depthwise convolution in one pass, with what norms have to do before and after it.
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "depthwise/depthwisePad.h"
#include "plan/registry.h"

namespace regraft {

namespace {

/// What the norm before the convolution wants to know of its gradient, which is written where it belongs.
template <Activation A, class Pixel, bool Past>
Sums sumAndWrite(const Lanes *made, const Pixel *x, int64_t pixels, const Scale &scale, Pixel *to) {
  return sumGradient<A, Mask::again>(made, x, x, pixels, scale, [=](int64_t i, Lanes change, Lanes) { write<Pixel, Past>(to + i, change); });
}

template <class Pixel, bool Past>
auto sumFor(const Operation &op) {
  return forActivation(op, sumAndWrite<Activation::none, Pixel, Past>, sumAndWrite<Activation::relu, Pixel, Past>, sumAndWrite<Activation::relu6, Pixel, Past>);
}

template <class Pixel>
auto weightKernel(int64_t kernel) {
  return kernel == 3 ? planeGradient<3, Lanes, Pixel> : planeGradient<5, Lanes, Pixel>;
}

template <class Pixel>
auto inputKernel(int64_t kernel, int64_t stride) {
  if (stride == 1) return kernel == 3 ? planeInputGradient<3, 1, Lanes, Pixel> : planeInputGradient<5, 1, Lanes, Pixel>;
  return kernel == 3 ? planeInputGradient<3, 2, Lanes, Pixel> : planeInputGradient<5, 2, Lanes, Pixel>;
}

/// x, dy, weights, scale; y, its scale and means (may be absent) -> dw, dx, sums (may be absent).
/// A norm with `scale` and `activation` gave the convolution's input from x: sums are what it needs of dx, the gradient of
/// what it gave. Where y is given, dy is the gradient of what a norm with that scale and `activationAfter` gave from y.
template <class Pixel>
Step depthwiseGradients(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), w = op.in(2), coefficients = op.in(3), y = op.in(4), coefficientsAfter = op.in(5), taken = op.in(6);
  const int dw = op.out(0), dx = op.out(1), sums = op.out(2);
  if (!api::isSet(c.weightLayouts[w])) throw std::runtime_error("the gradients of '" + c.value(w).name + "' come before its convolution");
  c.weightLayouts[dw] = c.weightLayouts[w];
  const auto in = c.planes(x), out = c.planes(dy);
  const int64_t kernel = op.integer("kernel", 0), stride = op.integer("stride", 0), taps = kernel * kernel, reach = reachOf(kernel, stride);
  const DepthwiseShape s = weightGradientShape(in, out, op, kernel), change = inputGradientShape(in, out, op, kernel);
  const bool past = sums >= 0 && isMany(c.value(dx).bytes), elsewhere = isMadeElsewhere<Pixel>(past);
  const int64_t planes = s.batch * s.blocks, plane = s.paddedHeight * s.paddedWidth, planeOfChange = change.paddedHeight * change.paddedWidth, each = plane + planeOfChange + (elsewhere ? in.pixels() : 0);
  const auto pad = forActivation(op, padNormalised<Activation::none, Pixel>, padNormalised<Activation::relu, Pixel>, padNormalised<Activation::relu6, Pixel>);
  const auto sum = past ? sumFor<Pixel, true>(op) : sumFor<Pixel, false>(op);
  const auto padOutput = y < 0 ? padChange<Pixel> : forActivation(op, padThroughNorm<Activation::none, Pixel>, padThroughNorm<Activation::relu, Pixel>, padThroughNorm<Activation::relu6, Pixel>, "activationAfter");
  const auto weightGradient = weightKernel<Pixel>(kernel);
  const auto inputGradient = inputKernel<Pixel>(kernel, stride);
  const GatheredTaps gathered(c, s, kernel, dw);
  c.wantScratch((gathered.partial() + c.team() * each) * sizeof(Lanes));
  const auto run = [=, &c] {
    const bool first = Context::part().first;
    const Pixel *source = as<Pixel>(c.data(x)), *given = as<Pixel>(c.data(dy)), *after = as<Pixel>(c.data(y));
    const Scale *scale = as<Scale>(c.data(coefficients)), *scaleAfter = as<Scale>(c.data(coefficientsAfter));
    const Means *means = as<Means>(c.data(taken));
    Pixel *target = as<Pixel>(c.data(dx));
    const Lanes *weights = as<Lanes>(c.data(w));
    Lanes *partial = as<Lanes>(c.scratch()), *gradient = gathered.of(Context::part().thread);
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
        Lanes *made = elsewhere ? wideChange + planeOfChange : reinterpret_cast<Lanes *>(target + at);
        inputGradient(change, wideChange, weights + b * taps, made, source + next * in.pixels());
        if (found) found[i] = sum(made, source + at, in.pixels(), scale[b], target + at);
        else for (int64_t p = 0; p < in.pixels(); p++) write<Pixel, false>(target + at + p, made[p]);
      }
      arrived();
      gathered.add(partial, gradient, first);
    }
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace

void registerDepthwiseGradients(Registry &registry) { registry["depthwiseGradients"] = either<depthwiseGradients<Lanes>, depthwiseGradients<Bfloat16Lanes>>; }

}  // namespace regraft
