// PDQ's down-sampling with the roundings of the reference, for pictures that are very wide.
#pragma once

#include <cstddef>

#include "image/picture.h"
#include "kernels/pdq_ops.h"

namespace hashmatch {

// Fills the 64 x 64 `grid` with the same floats as compute_reference_grid(), which keeps some hundred floats
// for every pixel of width. This function goes through the picture in blocks of about `block_cells` pixels,
// each as high as the picture, and keeps a few blocks and 1 / 128 of the picture as floats. It reads every pixel
// twice. Requires sides of at least 5 px. Thread-safe.
void compute_wide_grid(const PdqOps& ops, const Picture& picture, size_t block_cells, float* grid);

}  // namespace hashmatch
