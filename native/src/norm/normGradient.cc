// The gradient of batch norm, in pieces like the norm: sums, means, and the gradient itself.
#include "norm/normGradient.h"

#include "plan/registry.h"

namespace regraft {

namespace {

/// With d the masked gradient: the sums of d and d (x - mean), and d itself where somebody wants it.
template <Activation A, Mask M, class Pixel>
Sums sumPlaneGradient(const Pixel *dy, const Pixel *x, const Pixel *y, Pixel *masked, int64_t pixels, Scale s) {
  return sumGradient<A, M>(dy, x, y, pixels, s, [=](int64_t i, Lanes, Lanes d) {
    if (masked) masked[i] = d;
  });
}

template <class Pixel>
using SumGradient = decltype(&sumPlaneGradient<Activation::none, Mask::again, Pixel>);

/// dy, x, scale, y (absent: found again) -> sums per plane, d (may be absent)
template <class Pixel>
Step normGradientSums(Context &c, const Operation &op) {
  const int change = op.in(0), input = op.in(1), coefficients = op.in(2), given = op.in(3), output = op.out(0), masked = op.out(1);
  const auto p = c.planes(input), from = c.planes(change), seen = c.planes(given < 0 ? input : given), to = c.planes(masked < 0 ? change : masked);
  const int team = c.team();
  const SumGradient<Pixel> kernel =
      given < 0 ? forActivation<SumGradient<Pixel>>(op, sumPlaneGradient<Activation::none, Mask::again, Pixel>, sumPlaneGradient<Activation::relu, Mask::again, Pixel>, sumPlaneGradient<Activation::relu6, Mask::again, Pixel>)
                : forActivation<SumGradient<Pixel>>(op, sumPlaneGradient<Activation::none, Mask::again, Pixel>, sumPlaneGradient<Activation::relu, Mask::given, Pixel>, sumPlaneGradient<Activation::relu6, Mask::given, Pixel>);
  return [=, &c]() {
    const Pixel *dy = as<Pixel>(c.data(change)), *x = as<Pixel>(c.data(input)), *y = as<Pixel>(c.data(given));
    const Scale *scale = as<Scale>(c.data(coefficients));
    Sums *sums = as<Sums>(c.data(output));
    Pixel *d = as<Pixel>(c.data(masked));
    share(team, p.batch * p.blocks, [&](int64_t i) {
      sums[i] = kernel(dy + i * from.step(), x + i * p.step(), y ? y + i * seen.step() : nullptr, d ? d + i * to.step() : nullptr, p.pixels(), scale[i % p.blocks]);
    });
  };
}

/// sums, scale -> means, dweight, dbias. On stored statistics the means vanish.
Step normGradientMeans(Context &c, const Operation &op) {
  const int input = op.in(0), coefficients = op.in(1), output = op.out(0), dweight = op.out(1), dbias = op.out(2);
  const int64_t channels = op.integer("channels"), blocks = padded(channels) / block, batch = c.value(input).dims[0];
  const float share = op.integer("training") ? static_cast<float>(1 / op.number("count")) : 0.0f;
  return [=, &c]() {
    const Sums *sums = as<Sums>(c.data(input));
    const Scale *scale = as<Scale>(c.data(coefficients));
    Means *means = as<Means>(c.data(output));
    for (int64_t b = 0; b < blocks; b++) {
      const Sums all = total(sums, batch, blocks, b);
      const Lanes inverse = scale[b].inverse, first = narrow(all.first), second = narrow(all.second * widen(inverse));
      means[b] = {first * share, second * share * inverse};
      if (dweight >= 0) storeChannels(c.data(dweight), channels, b, second);
      if (dbias >= 0) storeChannels(c.data(dbias), channels, b, first);
    }
  };
}

template <Activation A, Mask M, class Pixel>
void applyGradient(const Pixel *dy, const Pixel *x, const Pixel *y, Pixel *dx, int64_t pixels, Scale s, Means e) {
  for (int64_t i = 0; i < pixels; i++)
    dx[i] = M == Mask::again ? normGradient<A>(dy[i], x[i], s, e) : normGradient<Activation::none>(pass<A>(dy[i], Lanes(y[i])), x[i], s, e);
}

template <class Pixel>
using ApplyGradient = decltype(&applyGradient<Activation::none, Mask::again, Pixel>);

/// dy, x, scale, means, y (absent: found again) -> dx = scale (d - E[d] - h E[d h]) with h = (x - mean) / deviation
template <class Pixel>
Step normGradientApply(Context &c, const Operation &op) {
  const int change = op.in(0), input = op.in(1), coefficients = op.in(2), taken = op.in(3), given = op.in(4), output = op.out(0);
  const auto p = c.planes(input), from = c.planes(change), seen = c.planes(given < 0 ? input : given), to = c.planes(output);
  const int team = c.team();
  const ApplyGradient<Pixel> kernel =
      given < 0
          ? forActivation<ApplyGradient<Pixel>>(op, applyGradient<Activation::none, Mask::again, Pixel>, applyGradient<Activation::relu, Mask::again, Pixel>, applyGradient<Activation::relu6, Mask::again, Pixel>)
          : forActivation<ApplyGradient<Pixel>>(op, applyGradient<Activation::none, Mask::again, Pixel>, applyGradient<Activation::relu, Mask::given, Pixel>, applyGradient<Activation::relu6, Mask::given, Pixel>);
  return [=, &c]() {
    const Pixel *dy = as<Pixel>(c.data(change)), *x = as<Pixel>(c.data(input)), *y = as<Pixel>(c.data(given));
    const Scale *scale = as<Scale>(c.data(coefficients));
    const Means *means = as<Means>(c.data(taken));
    Pixel *dx = as<Pixel>(c.data(output));
    share(team, p.batch * p.blocks, [&](int64_t i) {
      const int64_t b = i % p.blocks;
      kernel(dy + i * from.step(), x + i * p.step(), y ? y + i * seen.step() : nullptr, dx + i * to.step(), p.pixels(), scale[b], means[b]);
    });
  };
}

}  // namespace

void registerNormGradients(Registry &registry) {
  registry["normGradientSums"] = either<normGradientSums<Lanes>, normGradientSums<Bfloat16Lanes>>;
  registry["normGradientMeans"] = normGradientMeans;
  registry["normGradientApply"] = either<normGradientApply<Lanes>, normGradientApply<Bfloat16Lanes>>;
}

}  // namespace regraft
