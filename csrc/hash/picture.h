// The pixels that a hash is computed from, as native code sees them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

enum class Layout {
    kLuma8,   // uint8, one value a pixel
    kLuma32,  // float32, one value a pixel
    kRgb8,    // uint8, red, green, blue interleaved
};

// Rows follow one another without gaps. Borrows `pixels`.
struct Picture {
    Layout layout;
    const void* pixels;
    int height_px;
    int width_px;
};

}  // namespace hashmatch
