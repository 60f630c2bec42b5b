#include "plan/check.h"

#include <stdexcept>

namespace regraft {

namespace {

void require(bool holds, const std::string &what) {
  if (!holds) throw std::runtime_error("the plan is wrong: " + what);
}

/// Bytes that a value takes at least; weights may be padded further by the layout that a convolution chooses.
size_t leastBytes(const Value &value) {
  size_t count = value.precision == Precision::bfloat16 ? 2 : 4;
  for (size_t axis = 0; axis < value.dims.size(); axis++) {
    const int64_t side = value.dims[axis];
    require(side > 0, "'" + value.name + "' has a side of " + std::to_string(side));
    require(!__builtin_mul_overflow(count, static_cast<size_t>(value.layout == Layout::blocked && axis == 1 ? padded(side) : side), &count), "'" + value.name + "' is too large");
  }
  return count;
}

}  // namespace

void check(const Plan &plan) {
  require(plan.threads > 0, std::to_string(plan.threads) + " threads");
  for (const Value &value : plan.values) {
    require(value.layout == Layout::plain || value.dims.size() == 4, "'" + value.name + "' is no image and no weights");
    require(value.bytes >= leastBytes(value), "'" + value.name + "' has too few bytes");
    require(!value.batched || !value.dims.empty(), "'" + value.name + "' counts no images");
    if (value.persistent) continue;
    const size_t others = value.local ? (plan.threads - 1) * plan.threadBytes : 0;
    require(value.offset % 64 == 0, "'" + value.name + "' begins within a cache line");
    require(value.offset <= plan.arenaBytes && others <= plan.arenaBytes - value.offset && value.bytes <= plan.arenaBytes - value.offset - others,
            "'" + value.name + "' lies outside the arena");
  }
  const int values = static_cast<int>(plan.values.size());
  const auto indices = [&](const std::vector<int> &list, int least, const std::string &where) {
    for (int index : list) require(index >= least && index < values, where + " has no value " + std::to_string(index));
  };
  for (const Operation &operation : plan.operations) {
    indices(operation.inputs, -1, operation.kernel);
    indices(operation.outputs, -1, operation.kernel);
  }
  indices(plan.inputs, 0, "the program's inputs");
  indices(plan.outputs, 0, "the program's outputs");
  int next = 0;
  for (const Strip &strip : plan.strips) {
    require(strip.first == next && strip.end >= next && strip.end <= static_cast<int>(plan.operations.size()), "strips do not follow each other");
    require(strip.pieces > 0 && (strip.pieces == 1 || (strip.images == 1 && strip.times % strip.pieces == 0)), "a strip of " + std::to_string(strip.pieces) + " pieces");
    require(strip.times > 0 && (!strip.apart || strip.times % plan.threads == 0), "threads cannot share a strip of " + std::to_string(strip.times) + " parts");
    next = strip.end;
    if (strip.times == 1) continue;
    for (int i = strip.first; i < strip.end; i++)
      for (const auto *list : {&plan.operations[i].inputs, &plan.operations[i].outputs})
        for (int index : *list) {
          if (index < 0) continue;
          const Value &value = plan.values[index];
          const bool whole = value.dims.size() == 4;
          require(!value.batched || value.dims[0] * (whole ? strip.pieces : 1) == strip.images * strip.times, "a strip counts other images than '" + value.name + "'");
          require(!value.batched || !whole || value.dims[2] * value.dims[3] % strip.pieces == 0, "pixels of '" + value.name + "' cannot be cut into " + std::to_string(strip.pieces) + " pieces");
        }
  }
  require(next == static_cast<int>(plan.operations.size()), "strips leave operations out");
}

}  // namespace regraft
