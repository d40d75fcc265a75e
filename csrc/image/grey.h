// Conversion to the 8-bit grey that the pHash family hashes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

// Converts n interleaved pixels as Pillow converts RGB to L: (19595 red + 38470 green + 7471 blue +
// 32768) / 65536, rounded down. A pixel with three equal values keeps that value.
void grey_of_rgb(const uint8_t* rgb, size_t n, uint8_t* grey);

}  // namespace hashmatch
