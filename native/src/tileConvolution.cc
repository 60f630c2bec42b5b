#include "tileConvolution.h"

#include <vector>

#include "norm.h"
#include "tileRaster.h"
#include "tileWeights.h"
#include "tiles.h"

namespace regraft::tiles {

namespace {

/// Results that take the same taps: of a convolution all of them, of an input gradient with strides every so many.
struct Sweep {
  /// Result (i, j) is pixel (firstRow + i rowStep, firstColumn + j columnStep) of the plane.
  int64_t rows, columns, rowStep, columnStep, firstRow, firstColumn;
  /// Of its first product in the weights, and bytes from a result's position to what each of its products reads.
  int64_t firstStep;
  std::vector<int64_t> offsets;
};

/// A convolution or an input gradient: images are copied to rasters of 32 channels, over which the sweeps go.
struct Products {
  Context::Planes source, target;
  std::vector<Raster> rasters;  // alike but for where they begin
  std::vector<Sweep> sweeps;
  std::vector<Step> steps;

  int64_t deep() const { return (source.blocks + 1) / 2; }
  int64_t rasterBytes() const { return rasters[0].positions() * rowBytes; }
  int64_t imageBytes() const { return deep() * static_cast<int64_t>(rasters.size()) * rasterBytes(); }
  /// A last tile runs beyond the end; what it finds there is thrown away.
  int64_t packedBytes() const { return source.batch * imageBytes() + 2 * tileBytes; }
};

Products productsOf(const Shape &s) {
  Products p{s.in, s.out, {}, {{s.out.height, s.out.width, 1, 1, 0, 0, 0, {}}}, {}};
  const int64_t rowPhases = std::min(s.rowStep, s.kernelHeight), columnPhases = std::min(s.columnStep, s.kernelWidth);
  for (int64_t r = 0; r < rowPhases; r++)
    for (int64_t c = 0; c < columnPhases; c++) p.rasters.push_back({s.in.height, s.in.width, s.rows(), s.columns(), s.rowStep, s.columnStep, s.top - r, s.left - c});
  for (int64_t d = 0; d < p.deep(); d++)
    for (int64_t r = 0; r < s.kernelHeight; r++)
      for (int64_t c = 0; c < s.kernelWidth; c++) {
        const int64_t phase = r % s.rowStep * columnPhases + c % s.columnStep, position = r / s.rowStep * s.columns() + c / s.columnStep;
        p.steps.push_back({d, r * s.kernelWidth + c});
        p.sweeps[0].offsets.push_back((d * rowPhases * columnPhases + phase) * p.rasterBytes() + position * rowBytes);
      }
  return p;
}

/// Taps of one axis that reach the pixels at a phase, and how far from a pixel's own place the output stands that each reads.
std::vector<std::pair<int64_t, int64_t>> tapsAt(int64_t phase, int64_t before, int64_t taps, int64_t step) {
  std::vector<std::pair<int64_t, int64_t>> found;
  for (int64_t tap = taps - 1; tap >= 0; tap--)
    if ((phase + before - tap) % step == 0) found.emplace_back(tap, (phase + before - tap) / step);
  return found;
}

/// One axis of an input gradient's raster: positions before the first output, and in all.
std::pair<int64_t, int64_t> reachOf(int64_t pixels, int64_t outputs, int64_t before, int64_t taps, int64_t step) {
  int64_t first = 0, last = outputs - 1;
  for (int64_t phase = 0; phase < step; phase++)
    for (const auto &[tap, off] : tapsAt(phase, before, taps, step)) {
      first = std::min(first, off);
      last = std::max(last, off + (pixels - phase + step - 1) / step - 1);
    }
  return {-first, last - first + 1};
}

Products gradientOf(const Shape &s) {
  const auto [top, rows] = reachOf(s.in.height, s.out.height, s.top, s.kernelHeight, s.rowStep);
  const auto [left, columns] = reachOf(s.in.width, s.out.width, s.left, s.kernelWidth, s.columnStep);
  Products p{s.out, s.in, {{s.out.height, s.out.width, rows, columns, 1, 1, top, left}}, {}, {}};
  for (int64_t row = 0; row < s.rowStep; row++)
    for (int64_t column = 0; column < s.columnStep; column++) {
      Sweep sweep{(s.in.height - row + s.rowStep - 1) / s.rowStep, (s.in.width - column + s.columnStep - 1) / s.columnStep, s.rowStep, s.columnStep, row, column, static_cast<int64_t>(p.steps.size()), {}};
      for (int64_t d = 0; d < p.deep(); d++)
        for (const auto &[r, down] : tapsAt(row, s.top, s.kernelHeight, s.rowStep))
          for (const auto &[c, right] : tapsAt(column, s.left, s.kernelWidth, s.columnStep)) {
            p.steps.push_back({d, r * s.kernelWidth + c});
            sweep.offsets.push_back(d * p.rasterBytes() + ((down + top) * columns + right + left) * rowBytes);
          }
      if (sweep.rows > 0 && sweep.columns > 0) p.sweeps.push_back(std::move(sweep));
    }
  return p;
}

/// Sums of P tiles of positions by O blocks of channels: [P][O][16 positions][16 channels].
template <class Tiles, int P, int O>
inline void multiply(Tiles &tiles, const char *a, const Sweep &sweep, const char *b, int64_t bBlock, float *sums) {
  tiles.template zero<0>();
  if (O > 1) tiles.template zero<1>();
  if (P > 1) tiles.template zero<2>();
  if (P > 1 && O > 1) tiles.template zero<3>();
  for (const int64_t offset : sweep.offsets) {
    tiles.template load<4>(a + offset, rowBytes);
    tiles.template load<6>(b, rowBytes);
    tiles.template multiply<0, 4, 6>();
    if (P > 1) {
      tiles.template load<5>(a + offset + tileBytes, rowBytes);
      tiles.template multiply<2, 5, 6>();
    }
    if (O > 1) {
      tiles.template load<7>(b + bBlock, rowBytes);
      tiles.template multiply<1, 4, 7>();
      if (P > 1) tiles.template multiply<3, 5, 7>();
    }
    b += tileBytes;
  }
  tiles.template store<0>(sums, rowBytes);
  if (O > 1) tiles.template store<1>(sums + side * side, rowBytes);
  if (P > 1) tiles.template store<2>(sums + O * side * side, rowBytes);
  if (P > 1 && O > 1) tiles.template store<3>(sums + (O + 1) * side * side, rowBytes);
}

struct Target {
  const float *bias;
  const Bfloat16Lanes *residual;
  Bfloat16Lanes *y;
};

/// Sums of positions that stand in a row, as do their pixels.
template <Activation A>
inline void finishRun(const Lanes *sums, int64_t count, Lanes shift, const Bfloat16Lanes *residual, Bfloat16Lanes *y, int64_t step) {
  if (residual)
    for (int64_t i = 0; i < count; i++) y[i * step] = activate<A>(sums[i] + shift + Lanes(residual[i * step]));
  else
    for (int64_t i = 0; i < count; i++) y[i * step] = activate<A>(sums[i] + shift);
}

/// Some positions' sums to the pixels that they belong to; those between rows belong to none.
template <Activation A>
void finish(const Products &p, const Sweep &sweep, const float *sums, int64_t first, int64_t count, int64_t out, int64_t plane, const Target &target) {
  const int64_t columns = p.rasters[0].columns;
  const Lanes shift = target.bias ? reinterpret_cast<const Lanes *>(target.bias)[out] : Lanes{};
  int64_t i = first / columns, j = first % columns;
  for (int64_t done = 0; done < count; i++, j = 0) {
    const int64_t run = std::min(count - done, sweep.columns - j);
    if (run > 0) {
      const int64_t at = plane + (sweep.firstRow + i * sweep.rowStep) * p.target.width + sweep.firstColumn + j * sweep.columnStep;
      finishRun<A>(reinterpret_cast<const Lanes *>(sums) + done, run, shift, target.residual ? target.residual + at : nullptr, target.y + at, sweep.columnStep);
    }
    done += columns - j;
  }
}

template <class Tiles, Activation A>
void sweepImage(Tiles &tiles, const Products &p, const Sweep &sweep, const char *packed, const char *weights, int64_t image, int64_t group, const Target &target) {
  alignas(64) float both[2][4 * side * side];
  const int64_t count = (sweep.rows - 1) * p.rasters[0].columns + sweep.columns, bBlock = static_cast<int64_t>(p.steps.size()) * tileBytes;
  const int64_t out = 2 * group, outs = std::min<int64_t>(2, p.target.blocks - out);
  const char *a = packed + image * p.imageBytes(), *b = weights + out * bBlock + sweep.firstStep * tileBytes;
  const auto end = [&](int64_t first) {
    const float *sums = both[first / (2 * side) % 2];
    const int64_t some = std::min(2 * side, count - first);
    for (int64_t tile = 0; tile * side < some; tile++)
      for (int64_t o = 0; o < outs; o++)
        finish<A>(p, sweep, sums + (tile * outs + o) * side * side, first + tile * side, std::min(side, some - tile * side), out + o, p.target.plane(image, out + o), target);
  };
  // What a tile's registers have written can be read a while later: meanwhile the next ones are computed.
  for (int64_t first = 0; first < count; first += 2 * side) {
    float *sums = both[first / (2 * side) % 2];
    const char *from = a + first * rowBytes;
    if (count - first > side && outs > 1) multiply<Tiles, 2, 2>(tiles, from, sweep, b, bBlock, sums);
    else if (count - first > side) multiply<Tiles, 2, 1>(tiles, from, sweep, b, bBlock, sums);
    else if (outs > 1) multiply<Tiles, 1, 2>(tiles, from, sweep, b, bBlock, sums);
    else multiply<Tiles, 1, 1>(tiles, from, sweep, b, bBlock, sums);
    if (first > 0) end(first - 2 * side);
  }
  end((count - 1) / (2 * side) * 2 * side);
}

/// Blocks of 16 channels by twos; without a second one, zeros.
void pack(const Products &p, const Bfloat16Lanes *x, char *packed, int64_t image, int64_t deep) {
  const int64_t count = static_cast<int64_t>(p.rasters.size());
  const Bfloat16Lanes *plane = x + p.source.plane(image, 2 * deep), *other = 2 * deep + 1 < p.source.blocks ? plane + p.source.pixels() : nullptr;
  for (int64_t phase = 0; phase < count; phase++)
    fillPairs(p.rasters[phase], plane, other, reinterpret_cast<Bfloat16Lanes *>(packed + image * p.imageBytes() + (deep * count + phase) * p.rasterBytes()));
}

template <class Tiles, Activation A>
void convolve(const Products &p, const Bfloat16Lanes *x, const char *weights, char *packed, const Target &target) {
  const int64_t groups = (p.target.blocks + 1) / 2;
#pragma omp parallel
  {
#pragma omp for collapse(2) schedule(static)
    for (int64_t image = 0; image < p.source.batch; image++)
      for (int64_t deep = 0; deep < p.deep(); deep++) pack(p, x, packed, image, deep);
    Tiles tiles;
    for (const Sweep &sweep : p.sweeps) {
#pragma omp for collapse(2) schedule(static) nowait
      for (int64_t group = 0; group < groups; group++)
        for (int64_t image = 0; image < p.source.batch; image++) sweepImage<Tiles, A>(tiles, p, sweep, packed, weights, image, group, target);
    }
  }
}

template <Activation A>
auto instance() {
  return forTiles(convolve<AmxTiles, A>, convolve<PortableTiles, A>);
}

ConvolutionKernel kernelOf(Context &c, Products products, int w, bool forGradient, decltype(&convolve<AmxTiles, Activation::none>) run, int x, int residual, int y) {
  const auto weights = std::make_shared<Weights>(c, w, forGradient, products.steps);
  c.wantScratch(products.packedBytes());
  return {[=](const float *kept) { weights->prepare(kept); },
          [=, &c, p = std::move(products)](const float *bias) {
            run(p, as<Bfloat16Lanes>(c.data(x)), weights->data(), as<char>(c.scratch()), {bias, as<Bfloat16Lanes>(c.data(residual)), as<Bfloat16Lanes>(c.data(y))});
          }};
}

}  // namespace

ConvolutionKernel forward(Context &c, const Operation &op) {
  const auto run = forActivation(op, instance<Activation::none>(), instance<Activation::relu>(), instance<Activation::relu6>());
  return kernelOf(c, productsOf(Shape(c, op, op.in(0), op.in(1), op.out(0))), op.in(1), false, run, op.in(0), op.in(3), op.out(0));
}

ConvolutionKernel inputGradient(Context &c, const Operation &op) {
  return kernelOf(c, gradientOf(Shape(c, op, op.out(0), op.in(1), op.in(0))), op.in(1), true, instance<Activation::none>(), op.in(0), -1, op.out(0));
}

}  // namespace regraft::tiles
