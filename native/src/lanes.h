// The unit that own kernels compute with.
#pragma once
#include <cstdint>

namespace regraft {

/// Channels that stand together: as many as oneDNN's kernels for this CPU want.
#if defined(__AVX512F__)
constexpr int64_t block = 16;
#else
constexpr int64_t block = 8;
#endif

/// One block of channels. The compiler turns it into the registers that the CPU has.
typedef float Lanes __attribute__((vector_size(4 * block), aligned(4 * block)));

}  // namespace regraft
