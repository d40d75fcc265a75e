#include "hash/pdq.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "hash/pdq_downsample.h"
#include "hash/pdq_reference.h"
#include "hash/pdq_transform.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

// How far the reference's float32 arithmetic may be from exact arithmetic, for luma up to 255 and sides
// of 512 px. Measured, not proven: half as much again as the worst of some 6,000 pictures made to be
// regular (ramps, tiles, collages), where roundings add up, and 11 times the worst photo. See
// tests/hashing/test_pdq.py.
constexpr float kCoefficientDrift = 0.042f;  // through running sums, in a coefficient, over its frequency
constexpr float kExactSumsDrift = 0.0026f;   // the same where sums round at the edges only
constexpr float kTransformError = 0.001f;    // through the cosine transform, in any coefficient
constexpr float kTransformShare = 1e-6f;     // and as a part of the coefficient itself
constexpr float kGradientDrift = 0.006f;     // in a gradient, in percent of 255

struct Orientation {
    Flip flip;
    bool transposed;
};
constexpr Orientation kOrientation[kOrientations] = {
    {Flip::kNone, false}, {Flip::kColumns, true},  {Flip::kBoth, false}, {Flip::kRows, true},
    {Flip::kRows, false}, {Flip::kColumns, false}, {Flip::kNone, true},  {Flip::kBoth, true},
};

float largest_luma(const PdqKernels& kernels, const Picture& picture) {
    if (picture.layout != Layout::kLuma32) return 255.0f;
    const size_t n = static_cast<size_t>(picture.height_px) * picture.width_px;
    const float largest = kernels.largest_magnitude(static_cast<const float*>(picture.pixels), n);
    if (!(largest <= kMaxLuma)) throw std::invalid_argument("luma must be finite, from -65535 to 65535");
    return largest;
}

// Whether running sums of whole luma along this side round at the edges only: the mean of 2, 4 or 8
// whole numbers has few digits, and so has the mean of such means.
bool has_exact_means(int side_px) {
    const int window = box_window(side_px);
    return window <= 8 && (window & (window - 1)) == 0;
}

// What rounding may have done to the coefficients and gradients that downsample() leads to.
class Errors {
  public:
    Errors(const Picture& picture, float largest) : scale_(largest / 255.0f) {
        const int width = picture.width_px, height = picture.height_px;
        const bool is_exact = picture.layout == Layout::kLuma8 && has_exact_means(width) && has_exact_means(height);
        const float drift = scale_ * (is_exact ? kExactSumsDrift : kCoefficientDrift);
        across_ = drift * growth(width);
        down_ = drift * growth(height);
        gradients_ = scale_ * kGradientDrift * std::max(growth(width), growth(height));
    }

    // In percent of 255.
    float of_gradients() const { return gradients_; }

    void of_coefficients(const float* coefficients, float* errors) const {
        // Sums along rows may drift alike in many rows, but slowly along each, so that high
        // horizontal frequencies see little of it; sums along columns likewise.
        for (int i = 0; i < kBandSide; ++i)
            for (int j = 0; j < kBandSide; ++j) {
                const int at = i * kBandSide + j;
                errors[at] = down_ / static_cast<float>(i + 1) + across_ / static_cast<float>(j + 1) +
                             scale_ * kTransformError + std::fabs(coefficients[at]) * kTransformShare;
            }
    }

  private:
    static float growth(int side_px) { return std::sqrt(static_cast<float>(std::max(side_px, 128)) / 512.0f); }

    float scale_, across_, down_, gradients_;
};

// Takes the quality of a grid, exact where `errors` is null. False where the errors could change it.
bool take_quality(const PdqKernels& kernels, const float* grid, const Errors* errors, float gain, PdqHashes& hashes) {
    float scaled[kCells];
    if (gain != 1.0f) {
        for (int cell = 0; cell < kCells; ++cell) scaled[cell] = gain * grid[cell];
        grid = scaled;
    }
    int low, high;
    kernels.gradient_sums(grid, errors ? gain * errors->of_gradients() : 0.0f, &low, &high);
    hashes.quality = quality_of(low);
    return quality_of(high) == hashes.quality;
}

// Hashes a grid, exact where `errors` is null. False where the errors could change the quality, or
// more than `tolerance_bits` of a code; with a tolerance the quality is as it seems.
bool hash_grid(const PdqKernels& kernels, const float* grid, const Errors* errors, int tolerance_bits, int orientations,
               float gain, PdqHashes& hashes) {
    if (!take_quality(kernels, grid, tolerance_bits == 0 ? errors : nullptr, gain, hashes)) return false;

    float coefficients[kCoefficients], flipped[kCoefficients], error_bounds[kCoefficients];
    cosine_transform(kernels, grid, coefficients);
    if (errors) errors->of_coefficients(coefficients, error_bounds);
    Bits bits[kFlips];
    for (int flip = 0; flip < (orientations > 1 ? kFlips : 1); ++flip) {
        apply_flip(coefficients, static_cast<Flip>(flip), flipped);
        const float median = lower_median(flipped);
        if (errors && 2 * count_unclear(flipped, median, error_bounds) > tolerance_bits) return false;
        bits[flip] = bits_above(flipped, median);
    }
    for (int o = 0; o < orientations; ++o)
        write_code(bits[static_cast<int>(kOrientation[o].flip)], kOrientation[o].transposed, hashes.codes[o]);
    return true;
}

}  // namespace

PdqHashes pdq_hashes(const Picture& picture, int orientations, int tolerance_bits, float gain) {
    const PdqKernels& kernels = *active_kernel().pdq;
    const float largest = largest_luma(kernels, picture);
    PdqHashes hashes = {};
    if (picture.height_px < kMinSide_px || picture.width_px < kMinSide_px) return hashes;

    float grid[kCells];
    if (orientations == 1 && picture.height_px == kGridSide && picture.width_px == kGridSide) {
        for (int row = 0; row < kGridSide; ++row) read_luma(kernels, picture, row, grid + row * kGridSide);
        hash_grid(kernels, grid, nullptr, 0, orientations, gain, hashes);
        return hashes;
    }
    if (can_downsample(picture)) {
        downsample(kernels, picture, grid);
        const Errors errors(picture, largest);
        if (hash_grid(kernels, grid, &errors, tolerance_bits, orientations, gain, hashes)) return hashes;
    }
    reference_grid(kernels, picture, grid);
    hash_grid(kernels, grid, nullptr, 0, orientations, gain, hashes);
    return hashes;
}

PdqEvidence pdq_evidence(const Picture& picture, int orientations) {
    if (picture.height_px < kMinSide_px || picture.width_px < kMinSide_px || !can_downsample(picture))
        throw std::invalid_argument("pixels must have sides of 5 to 23168 px");
    if (orientations != 1 && orientations != kOrientations) throw std::invalid_argument("orientations must be 1 or 8");
    const PdqKernels& kernels = *active_kernel().pdq;
    const Errors errors(picture, largest_luma(kernels, picture));
    PdqEvidence found;
    found.grid.resize(kCells);
    found.reference_grid.resize(kCells);
    found.coefficients.resize(kCoefficients);
    found.reference_coefficients.resize(kCoefficients);
    downsample(kernels, picture, found.grid.data());
    reference_grid(kernels, picture, found.reference_grid.data());
    cosine_transform(kernels, found.grid.data(), found.coefficients.data());
    cosine_transform(kernels, found.reference_grid.data(), found.reference_coefficients.data());
    found.errors.resize(kCoefficients);
    errors.of_coefficients(found.coefficients.data(), found.errors.data());
    found.gradient_slack = errors.of_gradients();
    PdqHashes hashes;
    found.fast_is_certain = hash_grid(kernels, found.grid.data(), &errors, 0, orientations, 1.0f, hashes);
    return found;
}

}  // namespace hashmatch
