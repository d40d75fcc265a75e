// From the 64 x 64 grid to coefficients, bits and quality.
#pragma once

#include <cstdint>

#include "hash/pdq_geometry.h"
#include "kernels/pdq_kernels.h"

namespace hashmatch {

// The 16 x 16 coefficients of frequencies 1..16 of the cosine transform of `grid`, each sum taken in
// the reference's order, so that the same grid gives the same floats. `coefficients` is row-major.
void cosine_transform(const PdqKernels& kernels, const float* grid, float* coefficients);

// Sign patterns of the coefficients under flips: none, odd i + j negative, even i negative, even j
// negative; i counts rows and j columns, from 0. With transposition they make all eight
// orientations.
enum class Flip { kNone, kBoth, kRows, kColumns };
constexpr int kFlips = 4;

// The coefficients after a flip.
void apply_flip(const float* coefficients, Flip flip, float* flipped);

// The 128th smallest of the 256 coefficients.
float lower_median(const float* coefficients);

// How many coefficients, known to within `errors`, one for each, could lie on the other side of the
// median than they seem to, or be the median in its stead; that one counts, unless it stands alone.
// With n of them at most 2 n bits are wrong: what is far from the median keeps its side of that
// coefficient, and no more than n ranks can change places with it.
int count_unclear(const float* coefficients, float median, const float* errors);

// One bit a coefficient; bit j of rows[i] belongs to coefficient i, j.
struct Bits {
    uint16_t rows[kBandSide];
};
Bits bits_above(const float* coefficients, float median);

// Writes the code that ThreatExchange prints for `bits`, transposed or not; kCodeBytes bytes.
void write_code(const Bits& bits, bool transposed, uint8_t* code);

// Quality 0..100 for a sum of gradients.
int quality_of(int gradient_sum);

}  // namespace hashmatch
