#include "hash/pdq_transform.h"

#include <algorithm>
#include <cmath>

namespace hashmatch {
namespace {

struct Cosines {
    float rows[kBandSide * kGridSide];     // 16 x 64
    float columns[kGridSide * kBandSide];  // its transpose
};

Cosines make_cosines() {
    constexpr double kPi = 3.14159265358979323846;
    const float scale = static_cast<float>(std::sqrt(2.0 / kGridSide));
    Cosines cosines;
    for (int i = 0; i < kBandSide; ++i)
        for (int k = 0; k < kGridSide; ++k) {
            const double angle = (kPi / 2.0 / kGridSide) * (i + 1) * (2 * k + 1);
            const float value = static_cast<float>(scale * std::cos(angle));
            cosines.rows[i * kGridSide + k] = cosines.columns[k * kBandSide + i] = value;
        }
    return cosines;
}

bool is_negated(Flip flip, int i, int j) {
    switch (flip) {
        case Flip::kBoth:
            return (i + j) % 2 == 1;
        case Flip::kRows:
            return i % 2 == 0;
        case Flip::kColumns:
            return j % 2 == 0;
        default:
            return false;
    }
}

}  // namespace

void cosine_transform(const PdqOps& ops, const float* grid, float* coefficients) {
    static const Cosines cosines = make_cosines();
    float half[kBandSide * kGridSide];
    ops.multiply_16x64(cosines.rows, grid, kGridSide, half);
    ops.multiply_16x64(half, cosines.columns, kBandSide, coefficients);
}

void apply_flip(const float* coefficients, Flip flip, float* flipped) {
    for (int i = 0; i < kBandSide; ++i)
        for (int j = 0; j < kBandSide; ++j) {
            const float value = coefficients[i * kBandSide + j];
            flipped[i * kBandSide + j] = is_negated(flip, i, j) ? -value : value;
        }
}

float lower_median(const float* coefficients) {
    float values[kCoefficients];
    std::copy(coefficients, coefficients + kCoefficients, values);
    float* middle = values + kCoefficients / 2 - 1;
    std::nth_element(values, middle, values + kCoefficients);
    return *middle;
}

int count_unclear(const float* coefficients, float median, const float* errors) {
    const float* at_median = std::find(coefficients, coefficients + kCoefficients, median);
    const float median_error = errors[at_median - coefficients];
    int near = 0;
    for (int k = 0; k < kCoefficients; ++k) near += std::fabs(coefficients[k] - median) <= errors[k] + median_error;
    return near == 1 ? 0 : near;  // the median is always near itself
}

Bits bits_above(const float* coefficients, float median) {
    Bits bits;
    for (int i = 0; i < kBandSide; ++i) {
        unsigned row = 0;
        for (int j = 0; j < kBandSide; ++j) row |= static_cast<unsigned>(coefficients[i * kBandSide + j] > median) << j;
        bits.rows[i] = static_cast<uint16_t>(row);
    }
    return bits;
}

void write_code(const Bits& bits, bool transposed, uint8_t* code) {
    // Most significant bit first: the last row, and in it the last column.
    for (int i = 0; i < kBandSide; ++i) {
        uint16_t word = bits.rows[i];
        if (transposed) {
            word = 0;
            for (int j = 0; j < kBandSide; ++j) word |= static_cast<uint16_t>((bits.rows[j] >> i & 1) << j);
        }
        code[kCodeBytes - 2 - 2 * i] = static_cast<uint8_t>(word >> 8);
        code[kCodeBytes - 1 - 2 * i] = static_cast<uint8_t>(word & 0xff);
    }
}

int quality_of(int gradient_sum) { return std::min(gradient_sum / 90, kBestQuality); }

}  // namespace hashmatch
