// PDQ's down-sampling with the roundings of the reference implementation.
#pragma once

#include "image/picture.h"
#include "kernels/pdq_ops.h"

namespace hashmatch {

// Writes the luma of n pixels of a row, from `column` on; for colours 0.299 R + 0.587 G + 0.114 B.
void read_luma(const PdqOps& ops, const Picture& picture, int row, int column, size_t n, float* luma);

// Fills the 64 x 64 `grid` with the values that ThreatExchange's C++ computes on x86-64, bit for
// bit: two rounds of a float32 running-sum box filter along rows and then along columns, sampled at
// the 64 centres. Slower than downsample(), as every sum depends on the previous one. Holds about 3
// windows of rows at a time; of a picture wider than 65,536 px, blocks of columns (pdq_wide.h). Requires sides of at
// least 5 px. Thread-safe.
void compute_reference_grid(const PdqOps& ops, const Picture& picture, float* grid);

}  // namespace hashmatch
