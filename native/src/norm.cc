// Batch norm, its gradient and its running statistics: every pass over memory does all it can.
#include <cmath>
#include <algorithm>

#include "registry.h"

namespace regraft {

namespace {

enum class Activation { none = 0, relu = 1, relu6 = 2 };

template <Activation A>
inline Lanes activate(Lanes x) {
  const Lanes zero{}, six = zero + 6.0f;
  if (A == Activation::none) return x;
  x = x > zero ? x : zero;
  return A == Activation::relu6 ? (x < six ? x : six) : x;
}

/// The gradient where the activation passed it, else zero.
template <Activation A>
inline Lanes pass(Lanes d, Lanes y) {
  const Lanes zero{}, six = zero + 6.0f;
  if (A == Activation::none) return d;
  d = y > zero ? d : zero;
  return A == Activation::relu6 ? (y < six ? d : zero) : d;
}

typedef double Wide __attribute__((vector_size(128), aligned(64)));
inline Wide widen(Lanes x) { return __builtin_convertvector(x, Wide); }

/// Pixels whose sums are kept in float before they are added in double.
constexpr int64_t chunk = 256;

/// Two sums per channel of each plane, in double: [planes][2][16].
struct Sums {
  Wide first, second;
};

/// Adds the planes' sums of a block of channels in order.
inline Sums total(const Sums *sums, int64_t batch, int64_t blocks, int64_t b) {
  Sums all{};
  for (int64_t n = 0; n < batch; n++) {
    all.first += sums[n * blocks + b].first;
    all.second += sums[n * blocks + b].second;
  }
  return all;
}

/// A vector of channels that may not be a multiple of a block, padded with zeros.
inline Lanes load(const float *values, int64_t channels, int64_t b) {
  Lanes result{};
  for (int64_t c = 0; c < block && b * block + c < channels; c++) result[c] = values[b * block + c];
  return result;
}

inline void store(float *values, int64_t channels, int64_t b, Lanes lanes) {
  for (int64_t c = 0; c < block && b * block + c < channels; c++) values[b * block + c] = lanes[c];
}

/// Runs the phases of a norm: `first` and `finish` for a block of channels, `sum` and `apply` for each of its planes.
/// Where there are enough blocks, each is done at once, so that a small layer's planes are still in the cache when they
/// are applied; the sums are the same either way.
template <class First, class Sum, class Finish, class Apply>
void perChannel(const Context::Planes &p, int threads, First first, Sum sum, Finish finish, Apply apply) {
  if (p.blocks >= threads) {
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < p.blocks; b++) {
      first(b);
      for (int64_t n = 0; n < p.batch; n++) sum(n, b);
      finish(b);
      for (int64_t n = 0; n < p.batch; n++) apply(n, b);
    }
    return;
  }
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t b = 0; b < p.blocks; b++) first(b);
#pragma omp for collapse(2) schedule(static)
    for (int64_t n = 0; n < p.batch; n++)
      for (int64_t b = 0; b < p.blocks; b++) sum(n, b);
#pragma omp for schedule(static)
    for (int64_t b = 0; b < p.blocks; b++) finish(b);
#pragma omp for collapse(2) schedule(static)
    for (int64_t n = 0; n < p.batch; n++)
      for (int64_t b = 0; b < p.blocks; b++) apply(n, b);
  }
}

inline Lanes narrow(Wide x) { return __builtin_convertvector(x, Lanes); }

inline Lanes overDeviation(Lanes value, Lanes variance, float eps) {
  Lanes result;
  for (int c = 0; c < block; c++) result[c] = value[c] / std::sqrt(variance[c] + eps);
  return result;
}

/// Sums over a plane in double, of what `term` gives for each pixel; floats are added for `chunk` pixels at most.
template <class Term>
inline Sums sumPlane(int64_t at, int64_t pixels, Term term) {
  Sums sums{};
  for (int64_t from = at; from < at + pixels; from += chunk) {
    Lanes first{}, second{};
    for (int64_t i = from; i < std::min(from + chunk, at + pixels); i++) term(i, first, second);
    sums.first += widen(first);
    sums.second += widen(second);
  }
  return sums;
}

struct Forward {
  const Lanes *x, *residual;
  const float *weight, *bias, *runningMean, *runningVariance;
  float *batchMean, *batchVariance;
  Lanes *y, *scratch;
  int64_t channels;
  int threads;
  bool training;
  float eps;
};

template <Activation A>
void normalise(const Context::Planes &p, const Forward &f) {
  const int64_t pixels = p.pixels();
  Lanes *mean = f.scratch, *scale = mean + p.blocks, *offset = scale + p.blocks;
  Sums *sums = reinterpret_cast<Sums *>(offset + p.blocks);
  perChannel(
      p, f.threads,
      // Sums are of differences to the first image's mean, so that no digits are lost.
      [&](int64_t b) {
        if (!f.training) return;
        const Sums own = sumPlane(b * pixels, pixels, [&](int64_t i, Lanes &first, Lanes &) { first += f.x[i]; });
        mean[b] = narrow(own.first / static_cast<double>(pixels));
      },
      [&](int64_t n, int64_t b) {
        if (!f.training) return;
        const Lanes around = mean[b];
        sums[n * p.blocks + b] = sumPlane((n * p.blocks + b) * pixels, pixels, [&](int64_t i, Lanes &first, Lanes &second) {
          const Lanes d = f.x[i] - around;
          first += d;
          second += d * d;
        });
      },
      [&](int64_t b) {
        Lanes variance;
        if (f.training) {
          const double count = static_cast<double>(p.batch * pixels);
          const Sums all = total(sums, p.batch, p.blocks, b);
          const Wide shift = all.first / count;
          variance = narrow(all.second / count - shift * shift);
          mean[b] = narrow(widen(mean[b]) + shift);
          if (f.batchMean) store(f.batchMean, f.channels, b, mean[b]);
          if (f.batchVariance) store(f.batchVariance, f.channels, b, variance);
        } else {
          mean[b] = load(f.runningMean, f.channels, b);
          variance = load(f.runningVariance, f.channels, b);
        }
        scale[b] = overDeviation(load(f.weight, f.channels, b), variance, f.eps);
        offset[b] = load(f.bias, f.channels, b);
      },
      [&](int64_t n, int64_t b) {
        const int64_t at = (n * p.blocks + b) * pixels;
        const Lanes m = mean[b], a = scale[b], o = offset[b];
        if (f.residual)
          for (int64_t i = at; i < at + pixels; i++) f.y[i] = activate<A>((f.x[i] - m) * a + o + f.residual[i]);
        else
          for (int64_t i = at; i < at + pixels; i++) f.y[i] = activate<A>((f.x[i] - m) * a + o);
      });
}

Step batchNorm(Context &c, const Operation &op) {
  const auto p = c.planes(op.in(0));
  const int activation = op.integer("activation");
  const auto apply = activation == 0 ? normalise<Activation::none> : activation == 1 ? normalise<Activation::relu> : normalise<Activation::relu6>;
  c.wantScratch(p.batch * p.blocks * sizeof(Sums) + 3 * p.blocks * sizeof(Lanes));
  const bool training = op.integer("training");
  const float eps = op.number("eps");
  return [&c, op, p, apply, training, eps]() {
    const auto lanes = [&c](int index) { return reinterpret_cast<Lanes *>(c.dataOrNull(index)); };
    const auto data = [&](int position) { return c.data(op.in(position)); };
    apply(p, Forward{lanes(op.in(0)), lanes(op.in(5)), data(1), data(2), data(3), data(4), c.dataOrNull(op.out(1)), c.dataOrNull(op.out(2)), lanes(op.out(0)),
                     reinterpret_cast<Lanes *>(c.scratch()), c.value(op.in(0)).dims[1], c.plan.threads, training, eps});
  };
}

struct Backward {
  const Lanes *dy, *x, *y;
  const float *weight, *mean, *variance, *bias;
  Lanes *dx, *dresidual, *scratch;
  float *dweight, *dbias;
  int64_t channels;
  int threads;
  bool training;
  float eps;
};

/// With d the masked gradient and h = (x - mean) / deviation: dbias = sum d, dweight = sum d h,
/// and in training dx = a (d - E[d] - h E[d h]), else dx = a d, where a = weight / deviation.
/// What the activation passed is seen from y, or found again from x where `Again`: one array less to read.
template <Activation A, bool Again>
void gradient(const Context::Planes &p, const Backward &f) {
  const int64_t pixels = p.pixels();
  Lanes *mean = f.scratch, *inverse = mean + p.blocks, *scale = inverse + p.blocks, *offset = scale + p.blocks, *both = offset + p.blocks;
  Sums *sums = reinterpret_cast<Sums *>(both + 2 * p.blocks);
  const auto masked = [&f](int64_t i, Lanes centred, Lanes a, Lanes o) {
    if (A == Activation::none) return f.dy[i];
    return Again ? pass<A>(f.dy[i], centred * a + o) : pass<A>(f.dy[i], f.y[i]);
  };
  perChannel(
      p, f.threads,
      [&](int64_t b) {
        mean[b] = load(f.mean, f.channels, b);
        const Lanes variance = load(f.variance, f.channels, b);
        inverse[b] = overDeviation(Lanes{} + 1.0f, variance, f.eps);
        scale[b] = overDeviation(load(f.weight, f.channels, b), variance, f.eps);
        offset[b] = Again ? load(f.bias, f.channels, b) : Lanes{};
      },
      [&](int64_t n, int64_t b) {
        const Lanes m = mean[b], a = scale[b], o = offset[b];
        sums[n * p.blocks + b] = sumPlane((n * p.blocks + b) * pixels, pixels, [&](int64_t i, Lanes &first, Lanes &second) {
          const Lanes centred = f.x[i] - m, d = masked(i, centred, a, o);
          first += d;
          second += d * centred;
          if (f.dresidual) f.dresidual[i] = d;
        });
      },
      [&](int64_t b) {
        const Sums all = total(sums, p.batch, p.blocks, b);
        both[2 * b] = narrow(all.first);
        both[2 * b + 1] = narrow(all.second * widen(inverse[b]));
        if (f.dbias) store(f.dbias, f.channels, b, both[2 * b]);
        if (f.dweight) store(f.dweight, f.channels, b, both[2 * b + 1]);
      },
      [&](int64_t n, int64_t b) {
        if (!f.dx) return;
        const int64_t at = (n * p.blocks + b) * pixels;
        const float share = f.training ? 1.0f / static_cast<float>(p.batch * pixels) : 0.0f;
        const Lanes m = mean[b], a = scale[b], o = offset[b], e1 = both[2 * b] * share, e2 = both[2 * b + 1] * share * inverse[b];
        for (int64_t i = at; i < at + pixels; i++) {
          const Lanes centred = f.x[i] - m, d = f.dresidual ? f.dresidual[i] : masked(i, centred, a, o);
          f.dx[i] = a * (d - e1 - centred * e2);
        }
      });
}

using Gradient = void (*)(const Context::Planes &, const Backward &);

Step batchNormGradient(Context &c, const Operation &op) {
  const auto p = c.planes(op.in(0));
  const int activation = op.integer("activation");
  const bool again = op.in(6) >= 0;
  const Gradient apply = activation == 0                 ? gradient<Activation::none, false>
                         : activation == 1 ? (again ? gradient<Activation::relu, true> : gradient<Activation::relu, false>)
                                           : (again ? gradient<Activation::relu6, true> : gradient<Activation::relu6, false>);
  c.wantScratch(p.batch * p.blocks * sizeof(Sums) + 6 * p.blocks * sizeof(Lanes));
  const bool training = op.integer("training");
  const float eps = op.number("eps");
  return [&c, op, p, apply, training, eps]() {
    const auto lanes = [&c](int index) { return reinterpret_cast<Lanes *>(c.dataOrNull(index)); };
    apply(p, Backward{lanes(op.in(0)), lanes(op.in(1)), lanes(op.in(5)), c.data(op.in(2)), c.data(op.in(3)), c.data(op.in(4)), c.dataOrNull(op.in(6)), lanes(op.out(0)),
                      lanes(op.out(3)), reinterpret_cast<Lanes *>(c.scratch()), c.dataOrNull(op.out(1)), c.dataOrNull(op.out(2)), c.value(op.in(0)).dims[1],
                      c.plan.threads, training, eps});
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
  registry["batchNorm"] = batchNorm;
  registry["batchNormGradient"] = batchNormGradient;
  registry["runningStatistics"] = runningStatistics;
}

}  // namespace regraft
