// Bounds on the rounding errors of PDQ's fast path, relative to the reference's float32 arithmetic.
#pragma once

#include "image/picture.h"

namespace hashmatch {

// How far coefficients and gradients computed from downsample() may be from the reference's. Measured,
// not proven: half as much again as the worst of some 6,000 pictures made to be regular (ramps, tiles,
// collages), where roundings add up, and 11 times the worst photo. See tests/hashing/test_pdq.py.
class PdqErrorBounds {
  public:
    // `largest_luma` is the largest magnitude in the picture, 255 for uint8.
    PdqErrorBounds(const Picture& picture, float largest_luma);

    // Of any gradient, in percent of 255.
    float gradient() const { return gradient_; }
    // Of each of the kCoefficients coefficients.
    void coefficients(const float* coefficients, float* errors) const;

  private:
    float scale_, across_, down_, gradient_;
};

}  // namespace hashmatch
