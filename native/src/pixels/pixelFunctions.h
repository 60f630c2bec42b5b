// What JavaScript calls of pixels.h.
#pragma once
#include <napi.h>

namespace regraft {

/// Adds the functions to what the addon exports. They check what they are given, and throw a RangeError.
void exportPixelFunctions(Napi::Env env, Napi::Object exports);

}  // namespace regraft
