// Both gradients of a depthwise convolution in one pass, with what norms have to do before and after it.
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "depthwise/depthwiseRows.h"
#include "plan/registry.h"

namespace regraft {

namespace {

template <class Pixel, bool Past>
auto takeFor(const Operation &op) {
  return forActivation(op, takeGradient<Activation::none, Pixel, Past>, takeGradient<Activation::relu, Pixel, Past>, takeGradient<Activation::relu6, Pixel, Past>);
}

template <class Pixel>
auto weightKernel(int64_t kernel, int64_t stride) {
  if (stride == 1) return kernel == 3 ? gradientRow<3, 1, Pixel> : gradientRow<5, 1, Pixel>;
  return kernel == 3 ? gradientRow<3, 2, Pixel> : gradientRow<5, 2, Pixel>;
}

/// x, dy, weights, scale; y, its scale and means (may be absent) -> dw, dx, sums (may be absent).
/// A norm with `scale` and `activation` gave the convolution's input from x: sums are what it needs of dx, the gradient of
/// what it gave. Where y is given, dy is the gradient of what a norm with that scale and `activationAfter` gave from y.
template <class Pixel>
Step depthwiseGradients(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), w = op.in(2), coefficients = op.in(3), y = op.in(4), coefficientsAfter = op.in(5), takenOff = op.in(6);
  const int dw = op.out(0), dx = op.out(1), sums = op.out(2);
  if (!api::isSet(c.weightLayouts[w])) throw std::runtime_error("the gradients of '" + c.value(w).name + "' come before its convolution");
  c.weightLayouts[dw] = c.weightLayouts[w];
  const auto in = c.planes(x), out = c.planes(dy);
  const int64_t kernel = op.integer("kernel", 0), stride = op.integer("stride", 0), taps = kernel * kernel, lead = kernel - 1;
  const DepthwiseShape s = weightGradientShape(in, out, op, kernel);
  const Ring::Shape ring{kernel, s.left, s.height, s.width, s.paddedWidth - s.left - s.width, 0};
  const Ring::Shape ringOfChange{kernel, lead, s.outHeight, s.outWidth, std::max<int64_t>((s.width - 1 + s.left) / stride + 1 - s.outWidth, 0), stride == 1 ? s.left : lead};
  const int64_t planes = s.batch * s.blocks;
  const auto fill = forActivation(op, fillNormalised<Activation::none, Pixel>, fillNormalised<Activation::relu, Pixel>, fillNormalised<Activation::relu6, Pixel>);
  const auto fillOutput = y < 0 ? fillChange<Pixel> : forActivation(op, fillThroughNorm<Activation::none, Pixel>, fillThroughNorm<Activation::relu, Pixel>, fillThroughNorm<Activation::relu6, Pixel>, "activationAfter");
  const auto take = isMany(c.value(dx).bytes) ? takeFor<Pixel, true>(op) : takeFor<Pixel, false>(op);
  const auto weightGradient = weightKernel<Pixel>(kernel, stride);
  const auto convolve = kernel == 3 ? convolveRow<3, 1, Pixel> : convolveRow<5, 1, Pixel>;
  const auto spread = kernel == 3 ? inputGradientRow<3, Pixel> : inputGradientRow<5, Pixel>;
  const GatheredTaps gathered(c, s, kernel, dw);
  const int64_t each = ring.lanes() + ringOfChange.lanes() + taps + s.width;
  // Two pixels of bfloat16 are a line of the cache, which is written past it at once.
  constexpr bool byRows = !std::is_same_v<Pixel, Lanes>;
  c.wantScratch((gathered.partial() + c.team() * each) * sizeof(Lanes));
  const auto run = [=, &c] {
    const bool first = Context::part().first;
    const Pixel *source = as<Pixel>(c.data(x)), *given = as<Pixel>(c.data(dy)), *after = as<Pixel>(c.data(y));
    const Scale *scale = as<Scale>(c.data(coefficients)), *scaleAfter = as<Scale>(c.data(coefficientsAfter));
    const Means *means = as<Means>(c.data(takenOff));
    Pixel *target = as<Pixel>(c.data(dx));
    const Lanes *weights = as<Lanes>(c.data(w));
    Lanes *partial = as<Lanes>(c.scratch()), *gradient = gathered.of(Context::part().thread);
    Sums *found = as<Sums>(c.data(sums));
#pragma omp parallel
    {
      Lanes *own = partial + gathered.partial() + omp_get_thread_num() * each, *turned = own + ring.lanes() + ringOfChange.lanes();
      const Ring input(own, ring), change(own + ring.lanes(), ringOfChange);
      Sink<Pixel> sink;
      sink.made = turned + taps;
#pragma omp for schedule(static)
      for (int64_t i = 0; i < planes; i++) {
        const int64_t b = i % s.blocks;
        const Pixel *plane = source + i * in.pixels(), *dys = given + i * out.pixels(), *ys = after ? after + i * out.pixels() : dys;
        const Lanes *forward = weights + b * taps;
        for (int64_t k = 0; k < taps; k++) turned[k] = forward[taps - 1 - k];
        memset(static_cast<void *>(partial + i * taps), 0, taps * sizeof(Lanes));
        sink.begin(target + i * in.pixels(), plane);
        sink.scale = scale[b];
        for (int64_t row = 0, filled = 0, done = 0; row < s.outHeight; row++) {
          const int64_t top = row * stride - s.top;
          for (; filled < std::min(top + kernel, s.height); filled++) fill(plane + filled * s.width, input.inside(filled), s.width, scale + b);
          fillOutput(dys + row * s.outWidth, ys + row * s.outWidth, change.inside(row), s.outWidth, scaleAfter + b, means + b);
          // Rows of the input whose taps meet no later row of the output.
          for (const int64_t end = row + 1 == s.outHeight ? s.height : std::min(top + stride, s.height); done < end; done++) {
            const int64_t last = done + s.top;
            const Pixel *next = plane + (done + kernel) * s.width + ahead(s.width);
            if (stride == 1) {
              convolve(change.from(last - lead), turned, s.width, done * s.width, sink, take, next);
            } else {
              const Lanes *from[5];
              for (int64_t k = 0; k < kernel; k++) from[k] = (last - k) % 2 != 0 || last - k < 0 || (last - k) / 2 >= s.outHeight ? nullptr : *change.from((last - k) / 2);
              spread(from, forward, s.left, s.width, byRows ? 0 : done * s.width, sink, byRows ? keep<Pixel> : take, next);
              if (byRows) take(sink, done * s.width, 1, static_cast<int>(s.width), sink.made);
            }
          }
          const int64_t later = row * s.outWidth + ahead(s.outWidth);
          weightGradient(input.from(top), change.inside(row), s.outWidth, partial + i * taps, dys + later, ys + later);
        }
        const Sums &all = sink.end();
        if (found) found[i] = all;
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
