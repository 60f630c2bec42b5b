// A convolution's weights as tiles: pairs of channels that are summed over, by channels that are given.
#pragma once
#include <vector>

#include "context.h"

namespace regraft::tiles {

/// One product of tiles that a result's sum takes: 32 channels (two blocks) of one tap.
struct Step {
  int64_t deep, tap;
};

class Weights {
 public:
  /// @param forGradient whether inputs and outputs change places
  Weights(Context &context, int index, bool forGradient, std::vector<Step> steps);
  /// @param weights [outputs / block][inputs / block][taps][block inputs][block outputs]
  void prepare(const float *weights);
  /// [blocks given][steps][16 pairs of channels][16 channels given][2]
  const char *data() const { return reinterpret_cast<const char *>(kept_ ? kept_->data() : static_cast<void *>(c_.held(held_))); }

 private:
  Context &c_;
  int index_;
  bool forGradient_;
  std::vector<Step> steps_;
  int64_t area_, given_, summed_;
  /// Weights that no update changes are turned once; others have memory while their strip runs.
  std::shared_ptr<Arena> kept_;
  size_t held_ = 0;
  uint64_t version_ = 0;
};

}  // namespace regraft::tiles
