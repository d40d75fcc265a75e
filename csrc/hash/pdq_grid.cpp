#include "hash/pdq_grid.h"

#include "hash/pdq_contrast.h"
#include "hash/pdq_transform.h"

namespace hashmatch {
namespace {

struct Orientation {
    Flip flip;
    bool transposed;
};
constexpr Orientation kOrientation[kOrientations] = {
    {Flip::kNone, false}, {Flip::kColumns, true},  {Flip::kBoth, false}, {Flip::kRows, true},
    {Flip::kRows, false}, {Flip::kColumns, false}, {Flip::kNone, true},  {Flip::kBoth, true},
};

// Computes the quality of a grid, exact if `bounds` is null. Returns false if the errors could change it.
bool compute_quality(const PdqOps& ops, const float* grid, const PdqErrorBounds* bounds, float gain, int& quality) {
    float scaled[kCells];
    if (gain != 1.0f) {
        for (int cell = 0; cell < kCells; ++cell) scaled[cell] = gain * grid[cell];
        grid = scaled;
    }
    int low, high;
    ops.gradient_sums(grid, bounds ? gain * bounds->gradient() : 0.0f, &low, &high);
    quality = quality_of(low);
    return quality_of(high) == quality;
}

// Computes both qualities; the errors of the grid count for the first alone, which others compute, too.
bool compute_qualities(const PdqOps& ops, const float* grid, const PdqErrorBounds* bounds, float gain,
                       PdqHashes& hashes) {
    if (!compute_quality(ops, grid, bounds, gain, hashes.quality)) return false;
    hashes.stretched_quality = hashes.quality;
    if (hashes.quality < kBestQuality) {
        const float stretch = stretch_of(grid, gain);
        if (stretch > 1.0f) compute_quality(ops, grid, nullptr, stretch * gain, hashes.stretched_quality);
    }
    return true;
}

}  // namespace

bool hash_grid(const PdqOps& ops, const float* grid, const PdqErrorBounds* bounds, int tolerance_bits, int orientations,
               float gain, PdqHashes& hashes) {
    if (!compute_qualities(ops, grid, tolerance_bits == 0 ? bounds : nullptr, gain, hashes)) return false;

    float coefficients[kCoefficients], flipped[kCoefficients], errors[kCoefficients];
    cosine_transform(ops, grid, coefficients);
    if (bounds) bounds->coefficients(coefficients, errors);
    Bits bits[kFlips];
    for (int flip = 0; flip < (orientations > 1 ? kFlips : 1); ++flip) {
        apply_flip(coefficients, static_cast<Flip>(flip), flipped);
        const float median = lower_median(flipped);
        if (bounds && 2 * count_unclear(flipped, median, errors) > tolerance_bits) return false;
        bits[flip] = bits_above(flipped, median);
    }
    for (int o = 0; o < orientations; ++o)
        write_code(bits[static_cast<int>(kOrientation[o].flip)], kOrientation[o].transposed, hashes.codes[o]);
    return true;
}

}  // namespace hashmatch
