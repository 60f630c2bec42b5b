// Kernels by name.
#pragma once
#include <map>
#include <string>

#include "plan/context.h"

namespace regraft {

using Registry = std::map<std::string, Builder>;

void registerConvolutions(Registry &registry);
void registerNorms(Registry &registry);
void registerNormGradients(Registry &registry);
void registerDepthwise(Registry &registry);
void registerDepthwiseGradients(Registry &registry);
void registerPools(Registry &registry);
void registerDense(Registry &registry);
void registerUpdates(Registry &registry);

}  // namespace regraft
