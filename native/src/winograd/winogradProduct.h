// Products of small matrices for Winograd's convolution, kept in registers.
#pragma once
#include <cstdint>

#include "lanes.h"

namespace regraft::winograd {

/// m[t] = sum over channels c of v[c][t] u[c], for `count` tiles.
/// @param v [blocks of channels][tiles][block], `blockStep` from block to block
/// @param u [channels][wide][block]
/// @param m [tiles][wide][block]
void multiply(const Lanes *v, int64_t blockStep, int64_t blocks, int64_t count, const Lanes *u, Lanes *m);

/// sums[c] = sum over `count` tiles of v[t][c] z[t], for one block of channels.
/// @param v [tiles][block]
/// @param z [tiles][wide][block]
/// @param sums [block][wide][block]
void multiplyTiles(const Lanes *v, const Lanes *z, int64_t count, Lanes *sums);

}  // namespace regraft::winograd
