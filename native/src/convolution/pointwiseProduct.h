// Products of pixels and channels for 1 x 1 convolutions, kept in registers.
#pragma once
#include "lanes.h"
#include "norm/norm.h"
#include "plan/ahead.h"

namespace regraft::pointwise {

/// What becomes of a product's result: it is written, or written past the cache while sums of it are found that a norm wants.
enum class After { nothing, spread, gradient };

/// The sums of some pixels of `wide` blocks of outputs.
struct Found {
  /// Of how far the result is from the centre, and squares of that; or of a gradient d, and of d (x - mean).
  Lanes first[wide] = {}, second[wide] = {};
  /// The mean of the first pixels.
  Lanes centre[wide] = {};
  bool begun = false;
  /// Where it is a gradient: what the norm was given, from block to block, and how its activation is seen from that.
  const Lanes *x = nullptr;
  int64_t xStep = 0;
  const Scale *scale = nullptr;
  /// Between these bounds the activation passes what the norm gives.
  float low = 0, high = 0;
};

/// y[o][p] = sum over channels c of x[c][p] w[o][c], for `outputs` <= wide * block channels of the output. Of a last block
/// that is half empty only half is computed; its padding becomes zero.
/// @param x [blocks of channels][pixels][block], `xStep` from block to block
/// @param w [blocks of outputs][channels][block], `wStep` from block to block
/// @param y [blocks of outputs][pixels][block], `yStep` from block to block; of a gradient what the activation passes
void multiply(const Lanes *x, int64_t xStep, int64_t channels, int64_t pixels, const Lanes *w, int64_t wStep, int64_t outputs, Lanes *y, int64_t yStep, Ahead &ahead, After after = After::nothing, Found *found = nullptr);

/// Where some pixels of a few images lie.
struct Pixels {
  int64_t images, count;
};

/// dw[o][c] += sum over pixels p of x[p][c] dy[o][p], for `channelsAtOnce` channels and `outputs` <= wide * block.
/// @param x [images][pixels][block], beginning with the first channel; `xImage` from image to image
/// @param dy [images][blocks of outputs][pixels][block]; `dyStep` from block to block, `dyImage` from image to image
/// @param dw [blocks of outputs][channels][block], beginning with the first channel; `dwStep` from block to block
void multiplyPixels(const float *x, int64_t xImage, const Lanes *dy, int64_t dyStep, int64_t dyImage, Pixels pixels, int64_t outputs, Lanes *dw, int64_t dwStep, Ahead &ahead);

}  // namespace regraft::pointwise
