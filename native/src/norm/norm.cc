// Batch norm in the pieces between which a plan can do other work: sums, statistics, scale, and the norm itself.
#include "norm/norm.h"

#include <cmath>

#include "plan/registry.h"

namespace regraft {

namespace {

/// x -> the spread of each plane
template <class Pixel>
Step normSums(Context &c, const Operation &op) {
  const int input = op.in(0), output = op.out(0);
  const auto p = c.planes(input);
  const int team = c.team();
  return [=, &c]() {
    const Pixel *x = as<Pixel>(c.data(input));
    Spread *spreads = as<Spread>(c.data(output));
    share(team, p.batch * p.blocks, [&](int64_t i) { spreads[i] = spreadOf(x + i * p.step(), p.pixels(), std::min(p.width, p.pixels()), [](int64_t, Lanes) {}); });
  };
}

/// spreads -> the batch's mean and biased variance (Chan, Golub and LeVeque 1983)
Step normStatistics(Context &c, const Operation &op) {
  const int input = op.in(0), mean = op.out(0), variance = op.out(1);
  const int64_t channels = op.integer("channels"), blocks = padded(channels) / block, batch = c.value(input).dims[0];
  const double count = op.number("count"), images = static_cast<double>(batch);
  return [=, &c]() {
    const Spread *spreads = as<Spread>(c.data(input));
    for (int64_t b = 0; b < blocks; b++) {
      Wide centre{}, squares{};
      for (int64_t n = 0; n < batch; n++) centre += spreads[n * blocks + b].mean;
      centre /= images;
      for (int64_t n = 0; n < batch; n++) {
        const Wide d = spreads[n * blocks + b].mean - centre;
        squares += spreads[n * blocks + b].squares + d * d * (count / images);
      }
      if (mean >= 0) storeChannels(c.data(mean), channels, b, narrow(centre));
      if (variance >= 0) storeChannels(c.data(variance), channels, b, narrow(squares / count));
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
  const int input = op.in(0), coefficients = op.in(1), added = op.in(2), output = op.out(0);
  const auto p = c.planes(input), other = c.planes(added < 0 ? input : added), to = c.planes(output);
  const int team = c.team();
  const auto kernel = forActivation(op, apply<Activation::none, Pixel>, apply<Activation::relu, Pixel>, apply<Activation::relu6, Pixel>);
  return [=, &c]() {
    const Pixel *x = as<Pixel>(c.data(input)), *residual = as<Pixel>(c.data(added));
    const Scale *scale = as<Scale>(c.data(coefficients));
    Pixel *y = as<Pixel>(c.data(output));
    share(team, p.batch * p.blocks, [&](int64_t i) {
      kernel(x + i * p.step(), residual ? residual + i * other.step() : nullptr, y + i * to.step(), p.pixels(), scale[i % p.blocks]);
    });
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
