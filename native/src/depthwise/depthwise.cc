#include "depthwise/depthwise.h"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "depthwise/depthwisePad.h"

namespace regraft {

namespace {

template <class Pixel>
std::function<void(const float *)> inputGradient(Context &c, const Operation &op) {
  const int dy = op.in(0), dx = op.out(0);
  const auto out = c.planes(dy), in = c.planes(dx);
  const int64_t kernel = c.dims(op.in(1))[2], margin = reachOf(kernel, 2);
  const PlaneInputGradient<Pixel> gradient = kernel == 3 ? planeInputGradient<3, 2, Pixel, Pixel> : planeInputGradient<5, 2, Pixel, Pixel>;
  const DepthwiseShape s = inputGradientShape(in, out, op, kernel);
  const int64_t plane = s.paddedHeight * s.paddedWidth, taps = kernel * kernel;
  c.wantScratch(c.team() * plane * sizeof(Lanes));
  return [=, &c](const float *weights) {
    const Pixel *change = reinterpret_cast<const Pixel *>(c.data(dy));
    const Lanes *all = reinterpret_cast<const Lanes *>(weights);
    Lanes *scratch = reinterpret_cast<Lanes *>(c.scratch());
    Pixel *target = reinterpret_cast<Pixel *>(c.data(dx));
#pragma omp parallel
    {
      Lanes *wide = scratch + omp_get_thread_num() * plane;
      memset(wide, 0, plane * sizeof(Lanes));
#pragma omp for collapse(2) schedule(static)
      for (int64_t n = 0; n < s.batch; n++)
        for (int64_t b = 0; b < s.blocks; b++) {
          const Pixel *from = change + out.plane(n, b);
          fillRows(wide + margin * (s.paddedWidth + 1), s.paddedWidth, s.outHeight, s.outWidth, [=](int64_t i) { return Lanes(from[i]); });
          Pixel *to = target + in.plane(n, b);
          gradient(s, wide, all + b * taps, to, to);
        }
    }
  };
}

template <class Pixel>
Step weightGradient(Context &c, const Operation &op) {
  const int x = op.in(0), dy = op.in(1), dw = op.out(0);
  const auto in = c.planes(x), out = c.planes(dy);
  const int kernel = op.integer("kernel", 0);
  const PlaneGradient<Pixel> gradient = kernel == 3 ? planeGradient<3, Pixel, Pixel> : kernel == 5 ? planeGradient<5, Pixel, Pixel> : kernel == 1 ? planeGradient<1, Pixel, Pixel> : nullptr;
  if (!gradient || op.integer("kernel", 1) != kernel || op.integer("stride", 0) != op.integer("stride", 1))
    throw std::runtime_error("depthwise convolutions have square kernels of 1, 3 or 5 here");
  const DepthwiseShape s = weightGradientShape(in, out, op, kernel);
  const int64_t taps = kernel * kernel, plane = s.paddedHeight * s.paddedWidth;
  const GatheredTaps gathered(c, s, kernel, dw);
  c.wantScratch((gathered.partial() + c.team() * plane) * sizeof(Lanes));
  const auto run = [=, &c]() {
    const bool first = Context::part().first;
    const Pixel *source = reinterpret_cast<const Pixel *>(c.data(x)), *change = reinterpret_cast<const Pixel *>(c.data(dy));
    Lanes *sums = reinterpret_cast<Lanes *>(c.scratch()), *target = gathered.of(Context::part().thread);
#pragma omp parallel
    {
      Lanes *wide = sums + gathered.partial() + omp_get_thread_num() * plane;
      memset(wide, 0, plane * sizeof(Lanes));
#pragma omp for collapse(2) schedule(static)
      for (int64_t n = 0; n < s.batch; n++)
        for (int64_t b = 0; b < s.blocks; b++) {
          const int64_t index = n * s.blocks + b;
          const Pixel *images = source + in.plane(n, b);
          fillRows(wide + s.top * s.paddedWidth + s.left, s.paddedWidth, s.height, s.width, [=](int64_t i) { return Lanes(images[i]); });
          Lanes *own = sums + index * taps;
          memset(own, 0, taps * sizeof(Lanes));
          const Pixel *from = change + out.plane(n, b), *next = from + (index + 1 < s.batch * s.blocks ? out.pixels() : 0);
          gradient(s, wide, from, s.outWidth, own, next, next);
        }
      gathered.add(sums, target, first);
    }
  };
  return {run, nullptr, [=] { gathered.join(); }};
}

}  // namespace

bool hasDepthwiseInputGradient(const Operation &op, const std::vector<int64_t> &weights) {
  return op.integer("stride", 0) == 2 && op.integer("stride", 1) == 2 && weights[2] == weights[3] && (weights[2] == 3 || weights[2] == 5);
}

std::function<void(const float *)> depthwiseInputGradient(Context &c, const Operation &op) {
  return c.value(op.in(0)).precision == Precision::bfloat16 ? inputGradient<Bfloat16Lanes>(c, op) : inputGradient<Lanes>(c, op);
}

Step depthwiseWeightGradient(Context &c, const Operation &op) { return either<weightGradient<Lanes>, weightGradient<Bfloat16Lanes>>(c, op); }

}  // namespace regraft
