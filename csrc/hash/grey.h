// Pictures in 8-bit grey, as the pHash family sees them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

// Grey of n interleaved pixels as Pillow converts RGB to L: (19595 red + 38470 green + 7471 blue +
// 32768) / 65536, rounded down. A pixel whose three values are equal keeps that value.
void grey_of_rgb(const uint8_t* rgb, size_t n, uint8_t* grey);

}  // namespace hashmatch
