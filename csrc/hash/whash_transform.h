// Haar transform of the wavelet hash.
#pragma once

#include <cstdint>

namespace hashmatch {

constexpr int kWhashSide = 8;

// Computes the sums (8 x 8) over the blocks of grey (side x side); side is a multiple of 8.
void sum_blocks(const uint8_t* grey, int side, uint64_t* sums);

// Computes low (8 x 8), the approximation of grey / 255 (side x side, a power of two, at least 8) by a
// Haar transform down to 8 x 8, after its mean was removed by a transform down to one value and back:
// equal, to the last bit, to the values that imagehash.whash compares with their median, as the x86-64
// wheels of PyWavelets compute them (each filter along columns first, then along rows; reversed on the
// way back).
void whash_transform(const uint8_t* grey, int side, double* low);

}  // namespace hashmatch
