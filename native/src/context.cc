#include "context.h"

namespace regraft {

Context::Context(const Plan &given) : plan(given) {
  arena = std::make_unique<Arena>(plan.arenaBytes);
  weightLayouts.resize(plan.values.size());
  for (const Value &value : plan.values) {
    if (value.persistent) {
      persistent.push_back(std::make_unique<Arena>(value.bytes));
      pointers.push_back(reinterpret_cast<float *>(persistent.back()->data()));
    } else {
      pointers.push_back(reinterpret_cast<float *>(arena->data() + value.offset));
    }
  }
}

Context::Planes Context::planes(int index) const {
  const auto &dims = value(index).dims;
  return {dims.at(0), padded(dims.at(1)) / block, dims.at(2), dims.at(3)};
}

void Context::allocateShared() {
  scratchArena = std::make_unique<Arena>(scratchBytes);
  stagingArena = std::make_unique<Arena>(stagingBytes);
}

}  // namespace regraft
