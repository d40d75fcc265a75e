// Computes the hashes of a picture from its 64 x 64 grid.
#pragma once

#include "hash/pdq.h"
#include "hash/pdq_error_bounds.h"
#include "kernels/pdq_ops.h"

namespace hashmatch {

// Hashes a grid, which is exact if `bounds` is null. Returns false if errors within `bounds` could change
// the quality, or more than `tolerance_bits` bits of a code; with a tolerance the quality is not checked.
bool hash_grid(const PdqOps& ops, const float* grid, const PdqErrorBounds* bounds, int tolerance_bits, int orientations,
               float gain, PdqHashes& hashes);

}  // namespace hashmatch
