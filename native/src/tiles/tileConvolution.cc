#include "tiles/tileConvolution.h"

#include <vector>

#include "norm/norm.h"
#include "tiles/tilePictures.h"
#include "tiles/tileRaster.h"
#include "tiles/tileWeights.h"
#include "tiles/tiles.h"

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

/// A convolution or an input gradient: images are copied, and the sweeps go over the copies.
struct Products {
  Context::Planes target;
  std::vector<Sweep> sweeps;
  std::vector<Step> steps;
  /// Of a copy: bytes of an image and of a position, and positions in a row.
  int64_t imageBytes, positionBytes, columns;
  /// Copies of an image, by its number in the part, that can be made at a time, and one of them.
  int64_t copies;
  std::function<void(const void *images, char *to, int64_t image, int64_t copy)> copy;

  int64_t batch() const { return target.batch; }
  /// A last tile runs beyond the end; what it finds there is thrown away.
  int64_t packedBytes() const { return batch() * imageBytes + 2 * tileBytes; }
};

/// Rasters of 32 channels each, alike but for where they begin.
struct Rasters {
  Context::Planes source;
  std::vector<Raster> phases;

  int64_t deep() const { return (source.blocks + 1) / 2; }
  int64_t count() const { return static_cast<int64_t>(phases.size()); }
  int64_t bytes() const { return phases[0].positions() * rowBytes; }
  /// Blocks of 16 channels by twos; without a second one, zeros.
  void copy(const void *images, char *to, int64_t image, int64_t d) const {
    const Bfloat16Lanes *plane = static_cast<const Bfloat16Lanes *>(images) + source.plane(image, 2 * d), *other = 2 * d + 1 < source.blocks ? plane + source.pixels() : nullptr;
    for (int64_t phase = 0; phase < count(); phase++) fillPairs(phases[phase], plane, other, reinterpret_cast<Bfloat16Lanes *>(to + (d * count() + phase) * bytes()));
  }
};

Products productsOver(const Rasters &r, const Context::Planes &target) {
  return {target, {}, {}, r.deep() * r.count() * r.bytes(), rowBytes, r.phases[0].columns, r.deep(), [r](const void *images, char *to, int64_t image, int64_t d) { r.copy(images, to, image, d); }};
}

Products productsOf(const Shape &s) {
  Rasters rasters{s.in, {}};
  const int64_t rowPhases = std::min(s.rowStep, s.kernelHeight), columnPhases = std::min(s.columnStep, s.kernelWidth);
  for (int64_t r = 0; r < rowPhases; r++)
    for (int64_t c = 0; c < columnPhases; c++) rasters.phases.push_back({s.in.height, s.in.width, s.rows(), s.columns(), s.rowStep, s.columnStep, s.top - r, s.left - c});
  Products p = productsOver(rasters, s.out);
  Sweep sweep{s.out.height, s.out.width, 1, 1, 0, 0, 0, {}};
  for (int64_t d = 0; d < rasters.deep(); d++)
    for (int64_t r = 0; r < s.kernelHeight; r++)
      for (int64_t c = 0; c < s.kernelWidth; c++) {
        const int64_t phase = r % s.rowStep * columnPhases + c % s.columnStep, position = r / s.rowStep * s.columns() + c / s.columnStep;
        p.steps.push_back({d, r * s.kernelWidth + c});
        sweep.offsets.push_back((d * rasters.count() + phase) * rasters.bytes() + position * rowBytes);
      }
  p.sweeps.push_back(std::move(sweep));
  return p;
}

/// The first convolution, where it reads pictures as they come.
Products picturesOf(const Windows &w, const Context::Planes &target) {
  Products p{target, {}, {}, w.pictureBytes(), w.positionBytes(), w.columns, 1, [w](const void *images, char *to, int64_t image, int64_t) {
               packPicture(w, static_cast<const Bfloat16 *>(images) + image * w.channels * w.height * w.width, to);
             }};
  Sweep sweep{target.height, target.width, 1, 1, 0, 0, 0, {}};
  for (int64_t r = 0; r < w.kernelHeight; r++) {
    p.steps.push_back({0, r * w.kernelWidth});
    sweep.offsets.push_back(w.offset(r));
  }
  p.sweeps.push_back(std::move(sweep));
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
  const Rasters rasters{s.out, {{s.out.height, s.out.width, rows, columns, 1, 1, top, left}}};
  Products p = productsOver(rasters, s.in);
  for (int64_t row = 0; row < s.rowStep; row++)
    for (int64_t column = 0; column < s.columnStep; column++) {
      Sweep sweep{(s.in.height - row + s.rowStep - 1) / s.rowStep, (s.in.width - column + s.columnStep - 1) / s.columnStep, s.rowStep, s.columnStep, row, column, static_cast<int64_t>(p.steps.size()), {}};
      for (int64_t d = 0; d < rasters.deep(); d++)
        for (const auto &[r, down] : tapsAt(row, s.top, s.kernelHeight, s.rowStep))
          for (const auto &[c, right] : tapsAt(column, s.left, s.kernelWidth, s.columnStep)) {
            p.steps.push_back({d, r * s.kernelWidth + c});
            sweep.offsets.push_back(d * rasters.bytes() + ((down + top) * columns + right + left) * rowBytes);
          }
      if (sweep.rows > 0 && sweep.columns > 0) p.sweeps.push_back(std::move(sweep));
    }
  return p;
}

/// Sums of P tiles of positions by O blocks of channels: [P][O][16 positions][16 channels].
template <class Tiles, int P, int O>
inline void multiply(Tiles &tiles, const char *a, int64_t stride, const Sweep &sweep, const char *b, int64_t bBlock, float *sums) {
  tiles.template zero<0>();
  if (O > 1) tiles.template zero<1>();
  if (P > 1) tiles.template zero<2>();
  if (P > 1 && O > 1) tiles.template zero<3>();
  for (const int64_t offset : sweep.offsets) {
    tiles.template load<4>(a + offset, stride);
    tiles.template load<6>(b, rowBytes);
    tiles.template multiply<0, 4, 6>();
    if (P > 1) {
      tiles.template load<5>(a + offset + side * stride, stride);
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
  const int64_t columns = p.columns;
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
  const int64_t count = (sweep.rows - 1) * p.columns + sweep.columns, bBlock = static_cast<int64_t>(p.steps.size()) * tileBytes;
  const int64_t out = 2 * group, outs = std::min<int64_t>(2, p.target.blocks - out);
  const char *a = packed + image * p.imageBytes, *b = weights + out * bBlock + sweep.firstStep * tileBytes;
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
    const char *from = a + first * p.positionBytes;
    if (count - first > side && outs > 1) multiply<Tiles, 2, 2>(tiles, from, p.positionBytes, sweep, b, bBlock, sums);
    else if (count - first > side) multiply<Tiles, 2, 1>(tiles, from, p.positionBytes, sweep, b, bBlock, sums);
    else if (outs > 1) multiply<Tiles, 1, 2>(tiles, from, p.positionBytes, sweep, b, bBlock, sums);
    else multiply<Tiles, 1, 1>(tiles, from, p.positionBytes, sweep, b, bBlock, sums);
    if (first > 0) end(first - 2 * side);
  }
  end((count - 1) / (2 * side) * 2 * side);
}

template <class Tiles, Activation A>
void convolve(const Products &p, const void *x, const char *weights, char *packed, const Target &target) {
  const int64_t groups = (p.target.blocks + 1) / 2;
#pragma omp parallel
  {
#pragma omp for collapse(2) schedule(static)
    for (int64_t image = 0; image < p.batch(); image++)
      for (int64_t copy = 0; copy < p.copies; copy++) p.copy(x, packed + image * p.imageBytes, image, copy);
    Tiles tiles;
    for (const Sweep &sweep : p.sweeps) {
#pragma omp for collapse(2) schedule(static) nowait
      for (int64_t group = 0; group < groups; group++)
        for (int64_t image = 0; image < p.batch(); image++) sweepImage<Tiles, A>(tiles, p, sweep, packed, weights, image, group, target);
    }
  }
}

template <Activation A>
auto instance() {
  return forTiles(convolve<AmxTiles, A>, convolve<PortableTiles, A>);
}

ConvolutionKernel kernelOf(Context &c, Products products, int w, bool forGradient, decltype(&convolve<AmxTiles, Activation::none>) run, int x, int residual, int y) {
  const auto weights = std::make_shared<Weights>(c, w, forGradient, c.value(x).layout == Layout::plain, products.steps);
  c.wantScratch(products.packedBytes());
  return {[=](const float *kept) { weights->prepare(kept); },
          [=, &c, p = std::move(products)](const float *bias) {
            run(p, c.data(x), weights->data(), as<char>(c.scratch()), {bias, as<Bfloat16Lanes>(c.data(residual)), as<Bfloat16Lanes>(c.data(y))});
          }};
}

}  // namespace

ConvolutionKernel forward(Context &c, const Operation &op) {
  const auto run = forActivation(op, instance<Activation::none>(), instance<Activation::relu>(), instance<Activation::relu6>());
  const int x = op.in(0), w = op.in(1), y = op.out(0);
  const bool pictures = c.value(x).layout == Layout::plain;
  auto products = pictures ? picturesOf(Windows(c, op, x, w, y, c.planes(y).width), c.planes(y)) : productsOf(Shape(c, op, x, w, y));
  return kernelOf(c, std::move(products), w, false, run, x, op.in(3), y);
}

ConvolutionKernel inputGradient(Context &c, const Operation &op) {
  return kernelOf(c, gradientOf(Shape(c, op, op.out(0), op.in(1), op.in(0))), op.in(1), true, instance<Activation::none>(), op.in(0), -1, op.out(0));
}

}  // namespace regraft::tiles
