// Cosine transform, bits and quality of the 64 x 64 grid.
#pragma once

#include <cstdint>

#include "hash/pdq_geometry.h"
#include "kernels/pdq_ops.h"

namespace hashmatch {

// Computes the 16 x 16 coefficients of frequencies 1..16 of the cosine transform of `grid`, row-major.
// Each sum is taken in the reference's order, so that the same grid gives the same floats.
void cosine_transform(const PdqOps& ops, const float* grid, float* coefficients);

// Sign patterns of the coefficients under flips: none, odd i + j negative, even i negative, even j
// negative; i counts rows and j columns, from 0. Combined with transposition they give all eight
// orientations.
enum class Flip { kNone, kBoth, kRows, kColumns };
constexpr int kFlips = 4;

// Writes the coefficients of the flipped picture.
void apply_flip(const float* coefficients, Flip flip, float* flipped);

// Returns the 128th smallest of the 256 coefficients.
float lower_median(const float* coefficients);

// Returns the number of coefficients whose side of the median is uncertain, given the error bound of each;
// the median itself counts if any other does. With n of them at most 2 n bits are wrong: a coefficient
// far from the median stays on its side, and at most n ranks can move across.
int count_unclear(const float* coefficients, float median, const float* errors);

// One bit per coefficient: bit j of rows[i] belongs to coefficient i, j.
struct Bits {
    uint16_t rows[kBandSide];
};
Bits bits_above(const float* coefficients, float median);

// Writes the kCodeBytes bytes that ThreatExchange prints for `bits`, transposed or not.
void write_code(const Bits& bits, bool transposed, uint8_t* code);

constexpr int kBestQuality = 100;

// Returns the quality, 0..100, for a sum of gradients.
int quality_of(int gradient_sum);

}  // namespace hashmatch
