// PDQ's down-sampling as one linear operator.
#pragma once

#include "hash/picture.h"
#include "kernels/pdq_kernels.h"

namespace hashmatch {

// Fills the 64 x 64 `grid` with what PDQ's filters and sampling give in exact arithmetic, to within
// a few units in the last place: two boxes in a row make a tent, and only the 64 tents a side that
// are sampled are summed. One pass over the picture. Needs Tents::can_do() of both sides and sides
// of at least 5 px. Thread-safe; each thread keeps 35 rows of floats as scratch.
void downsample(const PdqKernels& kernels, const Picture& picture, float* grid);

// True where downsample() can take a picture of this size.
bool can_downsample(const Picture& picture);

}  // namespace hashmatch
