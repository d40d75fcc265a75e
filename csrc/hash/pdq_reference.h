// PDQ's down-sampling, rounding as the reference implementation rounds.
#pragma once

#include "hash/picture.h"
#include "kernels/pdq_kernels.h"

namespace hashmatch {

// Writes the luma of one row of pixels; of colours 0.299 R + 0.587 G + 0.114 B.
void read_luma(const PdqKernels& kernels, const Picture& picture, int row, float* luma);

// Fills the 64 x 64 `grid` with the values that ThreatExchange's C++ computes on x86-64, bit for
// bit: two rounds of a float32 running-sum box filter along rows and then along columns, sampled at
// the 64 centres. Slower than downsample(), for every sum waits for the one before it, and frugal:
// holds some 3 windows of rows at a time. Needs sides of at least 5 px. Thread-safe.
void reference_grid(const PdqKernels& kernels, const Picture& picture, float* grid);

}  // namespace hashmatch
