// Plans as JavaScript gives them: src/engines/onednn/plan.ts.
#pragma once
#include <napi.h>

#include "plan/plan.h"

namespace regraft {

Precision precisionOf(const Napi::Value &value);

/// @throws Napi::Error where the object is no plan; whether the plan is right is for `check` to tell
Plan planFrom(const Napi::Object &object);

}  // namespace regraft
