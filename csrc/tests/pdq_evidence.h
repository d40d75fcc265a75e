// The floats behind a PDQ hash, on the fast path and by the reference's arithmetic.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "hash/pdq_downsample.h"
#include "hash/pdq_error_bounds.h"
#include "hash/pdq_geometry.h"
#include "hash/pdq_grid.h"
#include "hash/pdq_reference.h"
#include "hash/pdq_transform.h"
#include "kernels/dispatch.h"

namespace hashmatch {

// Plain arrays, so that Python can read it (tests/hashing/pdq_evidence.py has the same fields).
struct PdqEvidence {
    float grid[kCells], reference_grid[kCells];
    float coefficients[kCoefficients], reference_coefficients[kCoefficients];
    float errors[kCoefficients];  // bounds for the coefficients
    float gradient_slack;         // bound for a gradient, in percent of 255
    int32_t fast_is_certain;      // 1 if compute_pdq() takes the fast path
};

// For pictures with sides of at least 5 px that can_downsample() accepts; orientations is 1 or 8.
inline PdqEvidence compute_evidence(const Picture& picture, int orientations) {
    const PdqOps& ops = active_kernel().pdq;
    float largest_luma = 255.0f;
    if (picture.layout == Layout::kLuma32) {
        const auto* luma = static_cast<const float*>(picture.pixels);
        const int n = picture.height_px * picture.width_px;
        largest_luma = 0.0f;
        for (int i = 0; i < n; ++i) largest_luma = std::max(largest_luma, std::fabs(luma[i]));
    }
    const PdqErrorBounds bounds(picture, largest_luma);
    PdqEvidence evidence;
    downsample(ops, picture, evidence.grid);
    compute_reference_grid(ops, picture, evidence.reference_grid);
    cosine_transform(ops, evidence.grid, evidence.coefficients);
    cosine_transform(ops, evidence.reference_grid, evidence.reference_coefficients);
    bounds.coefficients(evidence.coefficients, evidence.errors);
    evidence.gradient_slack = bounds.gradient();
    PdqHashes hashes;
    evidence.fast_is_certain = hash_grid(ops, evidence.grid, &bounds, 0, orientations, 1.0f, hashes);
    return evidence;
}

}  // namespace hashmatch
