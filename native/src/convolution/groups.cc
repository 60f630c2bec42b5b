#include "convolution/groups.h"

#include <cstring>

namespace regraft {

Groups::Groups(int64_t groups, const std::vector<int64_t> &weights) : inputs(weights[1]), outputs(weights[0] / groups), taps(weights[2] * weights[3]) {
  together = 1;
  while (together < groups && (groups % together != 0 || together * inputs % block != 0 || together * outputs % block != 0)) together++;
  count = groups / together;
  wideInputs = padded(together * inputs);
  wideOutputs = padded(together * outputs);
}

void Groups::join(const float *weights, float *joined) const {
  const int64_t filters = count * together * outputs, row = wideInputs * taps, own = inputs * taps;
  if (filters < count * wideOutputs) memset(joined, 0, floats() * sizeof(float));
#pragma omp parallel for schedule(static)
  for (int64_t o = 0; o < filters; o++) {
    float *to = joined + o * row;
    memset(to, 0, row * sizeof(float));
    memcpy(to + o / outputs % together * own, weights + o * own, own * sizeof(float));
  }
}

void Groups::part(const float *joined, float *weights) const {
  const int64_t filters = count * together * outputs, row = wideInputs * taps, own = inputs * taps;
#pragma omp parallel for schedule(static)
  for (int64_t o = 0; o < filters; o++) memcpy(weights + o * own, joined + o * row + o / outputs % together * own, own * sizeof(float));
}

}  // namespace regraft
