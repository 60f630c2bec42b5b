// A convolution's weights as tiles: pairs of channels that are summed over, by channels that are given.
#pragma once
#include <vector>

#include "plan/context.h"
#include "tiles/tiles.h"

namespace regraft::tiles {

/// One product of tiles that a result's sum takes: 32 channels (two blocks) of one tap; of pictures, whose channels are
/// few, all taps of a row of the kernel, of which it names the first.
struct Step {
  int64_t deep, tap;
};

class Weights {
 public:
  /// @param forGradient whether inputs and outputs change places
  /// @param pictures whether steps are a kernel's rows
  Weights(Context &context, int index, bool forGradient, bool pictures, std::vector<Step> steps);
  /// @param weights [outputs / block][inputs / block][taps][block inputs][block outputs]
  void prepare(const float *weights);
  /// [blocks given][steps][16 pairs of channels][16 channels given][2]
  const char *data() const { return reinterpret_cast<const char *>(kept_ ? kept_->data() : static_cast<void *>(c_.held(held_))); }

 private:
  /// Copies what a step multiplies by for one block that is given: 32 rows of 16 weights.
  void rows(const float *weights, int64_t given, Step step, Words *rows) const;

  Context &c_;
  int index_;
  bool forGradient_;
  std::vector<Step> steps_;
  int64_t area_, given_, summed_;
  /// Of pictures, channels and taps of a row of the kernel; else 0.
  int64_t channels_ = 0, taps_ = 0;
  /// Weights that no update changes are turned once; others have memory while their strip runs.
  std::shared_ptr<Arena> kept_;
  size_t held_ = 0;
  uint64_t version_ = 0;
};

}  // namespace regraft::tiles
