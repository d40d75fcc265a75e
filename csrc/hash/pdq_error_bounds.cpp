#include "hash/pdq_error_bounds.h"

#include <algorithm>
#include <cmath>

#include "hash/pdq_geometry.h"

namespace hashmatch {
namespace {

// For luma up to 255 and sides of 512 px.
constexpr float kCoefficientDrift = 0.042f;  // of a coefficient through running sums, over its frequency
constexpr float kExactSumsDrift = 0.0026f;   // the same if sums round at the edges only
constexpr float kTransformError = 0.001f;    // of any coefficient through the cosine transform
constexpr float kTransformShare = 1e-6f;     // the same, as a share of the coefficient
constexpr float kGradientDrift = 0.006f;     // of a gradient, in percent of 255

// True if running sums of integer luma along this side round at the edges only: the mean of 2, 4 or 8
// integers has few digits, and so has the mean of such means.
bool has_exact_means(int side_px) {
    const int window = box_window(side_px);
    return window <= 8 && (window & (window - 1)) == 0;
}

float growth(int side_px) { return std::sqrt(static_cast<float>(std::max(side_px, 128)) / 512.0f); }

}  // namespace

PdqErrorBounds::PdqErrorBounds(const Picture& picture, float largest_luma) : scale_(largest_luma / 255.0f) {
    const int width = picture.width_px, height = picture.height_px;
    const bool is_exact = picture.layout == Layout::kLuma8 && has_exact_means(width) && has_exact_means(height);
    const float drift = scale_ * (is_exact ? kExactSumsDrift : kCoefficientDrift);
    across_ = drift * growth(width);
    down_ = drift * growth(height);
    gradient_ = scale_ * kGradientDrift * std::max(growth(width), growth(height));
}

void PdqErrorBounds::coefficients(const float* coefficients, float* errors) const {
    // Sums along rows may drift alike in many rows, but slowly along each, so high horizontal frequencies
    // see little of it. The same holds for sums along columns.
    for (int i = 0; i < kBandSide; ++i)
        for (int j = 0; j < kBandSide; ++j) {
            const int at = i * kBandSide + j;
            errors[at] = down_ / static_cast<float>(i + 1) + across_ / static_cast<float>(j + 1) +
                         scale_ * kTransformError + std::fabs(coefficients[at]) * kTransformShare;
        }
}

}  // namespace hashmatch
