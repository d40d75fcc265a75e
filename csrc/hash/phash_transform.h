// Cosine transform of pHash.
#pragma once

#include <cstdint>

namespace hashmatch {

constexpr int kPhashSide = 32;
constexpr int kPhashBand = 8;

// Computes low (8 x 8), the lowest coefficients of the unnormalised DCT-II of grey (32 x 32) along
// columns, then along rows: equal, to the last bit, to scipy.fftpack.dct(scipy.fftpack.dct(grey, axis=0),
// axis=1) as SciPy's x86-64 wheels compute it. If a picture is symmetric, half of its coefficients are
// pure rounding errors, and imagehash makes bits of them, so this repeats the operations of pocketfft's
// real transform of length 32 (factors 2, 4, 4) in their order.
void phash_transform(const uint8_t* grey, double* low);

}  // namespace hashmatch
