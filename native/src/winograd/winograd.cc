#include "winograd/winograd.h"

#include <omp.h>

#include "norm/norm.h"
#include "winograd/winogradProduct.h"
#include "winograd/winogradTiles.h"
#include "winograd/winogradWeights.h"

namespace regraft::winograd {

namespace {

/// Tiles are worked on some at a time, so that what passes between the transforms stays in the cache, and as many as
/// pay for reading the weights, which with many channels come from further away.
constexpr int64_t mostTiles = 32;

struct Part {
  int64_t tiles, chunk, valueStep, sumStep;

  Part(const Shape &s, int team) {
    const int64_t most = mostTiles * team, count = s.grid.count();
    const int64_t parts = (count + most - 1) / most;
    tiles = (count + parts - 1) / parts;
    chunk = (tiles + team - 1) / team;
    // Odd, so that the 36 values of a tile do not all fall into the same few lines of the cache.
    valueStep = (s.in.blocks * tiles) | 1;
    sumStep = (chunk * wide) | 1;
  }
};

template <Activation A, class Pixel>
void finish(const Shape &s, const Lanes *sums, int64_t step, int64_t index, int64_t out, const float *bias, const Pixel *residual, Pixel *target) {
  Lanes y[tile * tile];
  inBothDirections<reach, tile, toOutput>(sums, {reach * step, step}, y, {tile, 1});
  const Grid &grid = s.grid;
  const auto place = grid.at(index);
  const int64_t first = ((place.image * s.outBlocks + out) * grid.height + place.row) * grid.width + place.column;
  const int64_t height = std::min<int64_t>(tile, grid.height - place.row), width = std::min<int64_t>(tile, grid.width - place.column);
  const Lanes shift = bias ? reinterpret_cast<const Lanes *>(bias)[out] : Lanes{};
  for (int64_t i = 0; i < height; i++)
    for (int64_t j = 0; j < width; j++) {
      const int64_t at = first + i * grid.width + j;
      const Lanes sum = y[i * tile + j] + shift;
      target[at] = activate<A>(residual ? sum + Lanes(residual[at]) : sum);
    }
}

template <Activation A, class Pixel>
void convolve(const Shape &s, const Part &part, const Pixel *x, const Lanes *weights, Lanes *scratch, const float *bias, const Pixel *residual, Pixel *y) {
  const int64_t count = s.grid.count(), groups = (s.outBlocks + wide - 1) / wide;
#pragma omp parallel
  {
    Lanes *sums = scratch + values * part.valueStep + omp_get_thread_num() * values * part.sumStep;
    for (int64_t first = 0; first < count; first += part.tiles) {
      const int64_t some = std::min(part.tiles, count - first);
      transformInputs(s, x, first, some, scratch, part.tiles, part.valueStep);
#pragma omp for collapse(2) schedule(static)
      for (int64_t group = 0; group < groups; group++)
        for (int64_t start = 0; start < some; start += part.chunk) {
          const int64_t own = std::min(part.chunk, some - start);
          for (int value = 0; value < values; value++)
            multiply(scratch + value * part.valueStep + start, part.tiles, s.in.blocks, own, weights + (group * values + value) * s.in.blocks * block * wide, sums + value * part.sumStep);
          for (int w = 0; w < wide && group * wide + w < s.outBlocks; w++)
            for (int64_t t = 0; t < own; t++) finish<A>(s, sums + t * wide + w, part.sumStep, first + start + t, group * wide + w, bias, residual, y);
        }
    }
  }
}

template <class Pixel>
ConvolutionKernel kernelOf(Context &c, const Shape &s, std::shared_ptr<Weights> weights, decltype(&convolve<Activation::none, Pixel>) convolution, int x, int residual, int y) {
  const Part part(s, c.team());
  c.wantScratch(values * (part.valueStep + c.team() * part.sumStep) * sizeof(Lanes));
  const auto run = [=, &c](const float *bias) {
    convolution(s, part, as<Pixel>(c.data(x)), weights->data(), as<Lanes>(c.scratch()), bias, as<Pixel>(c.data(residual)), as<Pixel>(c.data(y)));
  };
  return {[=](const float *kept) { weights->prepare(kept); }, run};
}

template <class Pixel>
ConvolutionKernel outputs(Context &c, const Operation &op) {
  const Shape s(c, op, op.in(0), op.in(1), op.out(0));
  const auto convolution = forActivation(op, convolve<Activation::none, Pixel>, convolve<Activation::relu, Pixel>, convolve<Activation::relu6, Pixel>);
  return kernelOf<Pixel>(c, s, std::make_shared<Weights>(c, op.in(1), false), convolution, op.in(0), op.in(3), op.out(0));
}

template <class Pixel>
ConvolutionKernel gradients(Context &c, const Operation &op) {
  const Shape s(c, op, op.out(0), op.in(1), op.in(0));
  return kernelOf<Pixel>(c, s.backward(), std::make_shared<Weights>(c, op.in(1), true), convolve<Activation::none, Pixel>, op.in(0), -1, op.out(0));
}

}  // namespace

ConvolutionKernel forward(Context &c, const Operation &op) { return either<outputs<Lanes>, outputs<Bfloat16Lanes>>(c, op); }

ConvolutionKernel inputGradient(Context &c, const Operation &op) { return either<gradients<Lanes>, gradients<Bfloat16Lanes>>(c, op); }

}  // namespace regraft::winograd
