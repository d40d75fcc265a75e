// The Haar transform of the wavelet hash.
#pragma once

#include <cstdint>

namespace hashmatch {

constexpr int kWhashSide = 8;

// sums (8 x 8) of the blocks of grey (side x side); side is a multiple of 8.
void block_sums(const uint8_t* grey, int side, uint64_t* sums);

// low (8 x 8) = the approximation that is left of grey / 255 (side x side, a power of two from 8 on)
// by a Haar transform down to 8 x 8, after its mean was taken out by a transform down to one value and
// back: equal, to the last bit, to what imagehash.whash compares with its median, as the x86-64 wheels
// of PyWavelets compute it (each filter along columns first, then along rows; back in reverse).
void whash_transform(const uint8_t* grey, int side, double* low);

}  // namespace hashmatch
