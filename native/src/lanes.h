// The unit that own kernels compute with.
#pragma once

namespace regraft {

/// Sixteen floats: one block of channels. The compiler turns it into the registers that the CPU has.
typedef float Lanes __attribute__((vector_size(64), aligned(64)));

}  // namespace regraft
