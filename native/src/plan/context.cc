#include "plan/context.h"

namespace regraft {

Context::Context(const Plan &given) : plan(given) {
  arena = std::make_unique<Arena>(plan.arenaBytes);
  weightLayouts.resize(plan.values.size());
  versions.resize(plan.values.size(), 1);
  for (const Value &value : plan.values) {
    if (value.persistent) {
      persistent.push_back(std::make_unique<Arena>(value.bytes));
      pointers.push_back(persistent.back()->data());
    } else {
      pointers.push_back(arena->data() + value.offset);
    }
    Steps by;
    if (value.local) by.thread = static_cast<int64_t>(plan.threadBytes);
    if (value.batched) (value.dims.size() == 4 ? by.image : by.sums) = static_cast<int64_t>(value.bytes) / value.dims.at(0);
    if (value.batched && value.layout == Layout::blocked) by.plane = by.image / (padded(value.dims[1]) / block);
    steps.push_back(by);
  }
}

std::vector<int64_t> Context::dims(int index) const {
  auto result = value(index).dims;
  if (value(index).batched && strip.times > 1) result.at(0) = strip.images;
  return result;
}

Context::Planes Context::planes(int index) const {
  const auto sides = dims(index);
  return {sides.at(0), padded(sides.at(1)) / block, sides.at(2), sides.at(3), value(index).batched ? strip.pieces : 1};
}

bool Context::isWritten(int index) const {
  for (const Operation &op : plan.operations)
    if (std::find(op.outputs.begin(), op.outputs.end(), index) != op.outputs.end()) return true;
  return false;
}

void Context::allocateShared() {
  for (Shared *memory : {&scratchMemory, &stagingMemory, &heldMemory}) memory->arena = std::make_unique<Arena>(memory->bytes(plan.threads));
}

}  // namespace regraft
