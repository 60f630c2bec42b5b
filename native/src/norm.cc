// Batch norm in the pieces between which a plan can do other work: sums, statistics, scale, and the norm itself.
#include "norm.h"

#include <cmath>

#include "registry.h"

namespace regraft {

namespace {

/// x -> sums of x - shift and of its square per plane, and shift: the first image's mean, so that no digits are lost.
template <class Pixel>
Step normSums(Context &c, const Operation &op) {
  const int input = op.in(0), output = op.out(0), around = op.out(1);
  const auto p = c.planes(input);
  return [=, &c]() {
    const int64_t pixels = p.pixels();
    const Pixel *x = as<Pixel>(c.data(input));
    Sums *sums = as<Sums>(c.data(output));
    Lanes *shift = as<Lanes>(c.data(around));
    if (c.firstImage == 0) {
#pragma omp parallel for schedule(static)
      for (int64_t b = 0; b < p.blocks; b++) {
        const Pixel *plane = x + b * pixels;
        const Sums own = sumPlane(pixels, [=](int64_t i, Lanes &first, Lanes &) { first += Lanes(plane[i]); });
        shift[b] = narrow(own.first / static_cast<double>(pixels));
      }
    }
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < p.batch; n++)
      for (int64_t b = 0; b < p.blocks; b++) {
        const Pixel *plane = x + (n * p.blocks + b) * pixels;
        const Lanes centre = shift[b];
        sums[n * p.blocks + b] = sumPlane(pixels, [=](int64_t i, Lanes &first, Lanes &second) {
          const Lanes d = Lanes(plane[i]) - centre;
          first += d;
          second += d * d;
        });
      }
  };
}

/// sums, shift -> the batch's mean and biased variance.
Step normStatistics(Context &c, const Operation &op) {
  const int input = op.in(0), around = op.in(1), mean = op.out(0), variance = op.out(1);
  const int64_t channels = op.integer("channels"), blocks = padded(channels) / block, batch = c.value(input).dims[0];
  const double count = op.number("count");
  return [=, &c]() {
    const Sums *sums = as<Sums>(c.data(input));
    const Lanes *shift = as<Lanes>(c.data(around));
    for (int64_t b = 0; b < blocks; b++) {
      const Sums all = total(sums, batch, blocks, b);
      const Wide difference = all.first / count;
      if (mean >= 0) storeChannels(c.data(mean), channels, b, narrow(widen(shift[b]) + difference));
      if (variance >= 0) storeChannels(c.data(variance), channels, b, narrow(all.second / count - difference * difference));
    }
  };
}

/// weight, bias (may be absent), mean, variance -> scale
Step normScale(Context &c, const Operation &op) {
  const int weight = op.in(0), bias = op.in(1), mean = op.in(2), variance = op.in(3), output = op.out(0);
  const int64_t channels = c.value(weight).dims[0], blocks = padded(channels) / block;
  const double eps = op.number("eps");
  return [=, &c]() {
    Scale *scale = as<Scale>(c.data(output));
    for (int64_t b = 0; b < blocks; b++) {
      // In double: an error here would shift a whole channel.
      Wide inverse = widen(loadChannels(c.data(variance), channels, b)) + eps;
      for (int k = 0; k < block; k++) inverse[k] = 1 / std::sqrt(inverse[k]);
      scale[b] = {loadChannels(c.data(mean), channels, b), narrow(inverse), narrow(widen(loadChannels(c.data(weight), channels, b)) * inverse),
                  bias >= 0 ? loadChannels(c.data(bias), channels, b) : Lanes{}};
    }
  };
}

template <Activation A, class Pixel>
void apply(const Pixel *x, const Pixel *residual, Pixel *y, int64_t pixels, Scale s) {
  if (residual)
    for (int64_t i = 0; i < pixels; i++) y[i] = activate<A>((Lanes(x[i]) - s.mean) * s.scale + s.offset + Lanes(residual[i]));
  else
    for (int64_t i = 0; i < pixels; i++) y[i] = activate<A>((Lanes(x[i]) - s.mean) * s.scale + s.offset);
}

/// x, scale, residual (may be absent) -> y
template <class Pixel>
Step normApply(Context &c, const Operation &op) {
  const int input = op.in(0), coefficients = op.in(1), other = op.in(2), output = op.out(0);
  const auto p = c.planes(input);
  const auto kernel = forActivation(op, apply<Activation::none, Pixel>, apply<Activation::relu, Pixel>, apply<Activation::relu6, Pixel>);
  return [=, &c]() {
    const Pixel *x = as<Pixel>(c.data(input)), *residual = as<Pixel>(c.data(other));
    const Scale *scale = as<Scale>(c.data(coefficients));
    Pixel *y = as<Pixel>(c.data(output));
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < p.batch; n++)
      for (int64_t b = 0; b < p.blocks; b++) {
        const int64_t at = (n * p.blocks + b) * p.pixels();
        kernel(x + at, residual ? residual + at : nullptr, y + at, p.pixels(), scale[b]);
      }
  };
}

Step runningStatistics(Context &c, const Operation &op) {
  const int64_t channels = c.value(op.in(0)).dims[0];
  const float momentum = op.number("momentum");
  const double count = op.number("count");
  const float unbiased = static_cast<float>(count / std::max(count - 1, 1.0));
  return [&c, op, channels, momentum, unbiased]() {
    for (int i = 0; i < 2; i++) {
      if (op.out(i) < 0) continue;
      const float *running = c.data(op.in(i)), *batch = c.data(op.in(2 + i));
      const float factor = i == 0 ? 1.0f : unbiased;
      float *next = c.data(op.out(i));
      for (int64_t k = 0; k < channels; k++) next[k] = running[k] + momentum * (batch[k] * factor - running[k]);
    }
  };
}

}  // namespace

void registerNorms(Registry &registry) {
  registry["normSums"] = either<normSums<Lanes>, normSums<Bfloat16Lanes>>;
  registry["normStatistics"] = normStatistics;
  registry["normScale"] = normScale;
  registry["normApply"] = either<normApply<Lanes>, normApply<Bfloat16Lanes>>;
  registry["runningStatistics"] = runningStatistics;
}

}  // namespace regraft
