#include "hash/pdq.h"

#include <algorithm>
#include <stdexcept>

#include "hash/pdq_downsample.h"
#include "hash/pdq_grid.h"
#include "hash/pdq_reference.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

float find_largest_luma(const PdqOps& ops, const Picture& picture) {
    if (picture.layout != Layout::kLuma32) return 255.0f;
    const auto* luma = static_cast<const float*>(picture.pixels);
    float largest = 0.0f;
    for (int row = 0; row < picture.height_px; ++row) {
        const float here = ops.largest_magnitude(luma + row * picture.step(), picture.width_px);
        if (!(here <= kMaxLuma)) throw std::invalid_argument("luma must be finite, from -65535 to 65535");
        largest = std::max(largest, here);
    }
    return largest;
}

}  // namespace

PdqHashes compute_pdq(const Picture& picture, int orientations, int tolerance_bits, float gain) {
    const PdqOps& ops = active_kernel().pdq;
    const float largest_luma = find_largest_luma(ops, picture);
    PdqHashes hashes = {};
    if (picture.height_px < kMinSide_px || picture.width_px < kMinSide_px) return hashes;

    float grid[kCells];
    if (orientations == 1 && picture.height_px == kGridSide && picture.width_px == kGridSide) {
        for (int row = 0; row < kGridSide; ++row) read_luma(ops, picture, row, 0, kGridSide, grid + row * kGridSide);
        hash_grid(ops, grid, nullptr, 0, orientations, gain, hashes);
        return hashes;
    }
    if (can_downsample(picture)) {
        downsample(ops, picture, grid);
        const PdqErrorBounds bounds(picture, largest_luma);
        if (hash_grid(ops, grid, &bounds, tolerance_bits, orientations, gain, hashes)) return hashes;
    }
    compute_reference_grid(ops, picture, grid);
    hash_grid(ops, grid, nullptr, 0, orientations, gain, hashes);
    return hashes;
}

}  // namespace hashmatch
