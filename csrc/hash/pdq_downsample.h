// PDQ's down-sampling as one linear operator.
#pragma once

#include "image/picture.h"
#include "kernels/pdq_ops.h"

namespace hashmatch {

// Fills the 64 x 64 `grid` with the result of PDQ's filters and sampling in exact arithmetic, to within
// a few units in the last place: two consecutive box filters make a tent, and only the 64 tents per side
// that are sampled are summed. One pass over the picture. Requires can_downsample() and sides of at least
// 5 px. Thread-safe; each thread keeps 35 rows of floats as scratch.
void downsample(const PdqOps& ops, const Picture& picture, float* grid);

// Returns whether downsample() supports a picture of this size.
bool can_downsample(const Picture& picture);

}  // namespace hashmatch
