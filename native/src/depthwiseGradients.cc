// Both gradients of a depthwise convolution in one pass, with the norm that stands before it applied where its input is read.
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "depthwisePlane.h"
#include "norm.h"
#include "registry.h"

namespace regraft {

namespace {

/// Copies a plane into a zero-padded one, through a norm and its activation.
template <Activation A>
void padNormalised(const Lanes *x, Lanes *wide, const DepthwiseShape &s, const Scale *scale) {
  for (int64_t row = 0; row < s.height; row++) {
    const Lanes *from = x + row * s.width;
    Lanes *to = wide + (s.top + row) * s.paddedWidth + s.left;
    for (int64_t i = 0; i < s.width; i++) to[i] = activate<A>((from[i] - scale->mean) * scale->scale + scale->offset);
  }
}

auto weightKernel(int64_t kernel) { return kernel == 3 ? planeGradient<3, Lanes> : planeGradient<5, Lanes>; }

auto inputKernel(int64_t kernel, int64_t stride) {
  if (stride == 1) return kernel == 3 ? planeInputGradient<3, 1, Lanes> : planeInputGradient<5, 1, Lanes>;
  return kernel == 3 ? planeInputGradient<3, 2, Lanes> : planeInputGradient<5, 2, Lanes>;
}

/// x, dy, weights, scale -> dw, dx; x is what the norm with that scale was given, and dx the gradient of what it gave.
Step depthwiseGradients(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), w = op.in(2), coefficients = op.in(3), dw = op.out(0), dx = op.out(1);
  if (!api::isSet(c.weightLayouts[w])) throw std::runtime_error("the gradients of '" + c.value(w).name + "' come before its convolution");
  c.weightLayouts[dw] = c.weightLayouts[w];
  const auto in = c.planes(x), out = c.planes(dy);
  const int64_t kernel = op.integer("kernel", 0), stride = op.integer("stride", 0), taps = kernel * kernel, reach = reachOf(kernel, stride);
  const DepthwiseShape s = weightGradientShape(in, out, op, kernel), change = inputGradientShape(in, out, op, kernel);
  const int64_t plane = s.paddedHeight * s.paddedWidth, each = plane + change.paddedHeight * change.paddedWidth;
  const auto pad = forActivation(op, padNormalised<Activation::none>, padNormalised<Activation::relu>, padNormalised<Activation::relu6>);
  const auto weightGradient = weightKernel(kernel);
  const auto inputGradient = inputKernel(kernel, stride);
  const GatheredTaps gathered(c, s, kernel, dw);
  c.wantScratch((gathered.partial() + c.team() * each) * sizeof(Lanes));
  const auto run = [=, &c] {
    const bool first = Context::part().first;
    const Lanes *source = as<Lanes>(c.data(x)), *given = as<Lanes>(c.data(dy)), *weights = as<Lanes>(c.data(w));
    const Scale *scale = as<Scale>(c.data(coefficients));
    Lanes *target = as<Lanes>(c.data(dx)), *sums = as<Lanes>(c.scratch()), *gradient = gathered.of(Context::part().thread);
#pragma omp parallel
    {
      Lanes *wide = sums + gathered.partial() + omp_get_thread_num() * each, *wideChange = wide + plane;
      memset(wide, 0, each * sizeof(Lanes));
#pragma omp for schedule(static)
      for (int64_t i = 0; i < s.batch * s.blocks; i++) {
        const int64_t b = i % s.blocks;
        const Lanes *from = given + i * s.outHeight * s.outWidth;
        pad(source + i * s.height * s.width, wide, s, scale + b);
        for (int64_t row = 0; row < s.outHeight; row++)
          memcpy(wideChange + (row + reach) * change.paddedWidth + reach, from + row * s.outWidth, s.outWidth * sizeof(Lanes));
        memset(sums + i * taps, 0, taps * sizeof(Lanes));
        weightGradient(s, wide, from, sums + i * taps);
        inputGradient(change, wideChange, weights + b * taps, target + i * s.height * s.width);
      }
      gathered.add(sums, gradient, first);
    }
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace

void registerDepthwiseGradients(Registry &registry) { registry["depthwiseGradients"] = depthwiseGradients; }

}  // namespace regraft
