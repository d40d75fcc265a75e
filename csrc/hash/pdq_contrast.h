// Contrast of the 64 x 64 grid of a faint picture.
#pragma once

namespace hashmatch {

constexpr float kLargestStretch = 8.0f;

// Returns the gain, 1 to 8, that stretches the luma of a grid over 0..255, less the darkest and the lightest
// hundredth of its cells. Returns 1 where the detail may be mere noise or an uneven light: where neighbouring
// areas, eighths or sixteenths of a side, differ by less than a level in the root mean square, gradients apart.
// `gain` is that of the picture as shown, as for compute_pdq().
float stretch_of(const float* grid, float gain);

}  // namespace hashmatch
