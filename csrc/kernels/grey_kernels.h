// The arithmetic of the pHash family on 8-bit grey: one table of functions for each instruction set.
// All of it is in integers, so every table gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

struct GreyKernels {
    // grey[i] = (19595 red + 38470 green + 7471 blue + 32768) >> 16 of n interleaved pixels.
    void (*grey_of_rgb)(const uint8_t* rgb, size_t n, uint8_t* grey);
    // Sum of values[i] * (256 * high[i] + low[i]) over n, modulo 2^32.
    uint32_t (*weigh)(const int16_t* values, const int16_t* high, const int16_t* low, size_t n);
    // sums[i] += weight * bytes[i] for i < n, modulo 2^32.
    void (*add_weighed)(const uint8_t* bytes, uint32_t weight, size_t n, uint32_t* sums);
};

extern const GreyKernels kGreyPortable;
#if defined(__x86_64__)
extern const GreyKernels kGreyAvx2;
#endif

}  // namespace hashmatch
