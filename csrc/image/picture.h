// Pixels of a picture, borrowed from the caller.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

enum class Layout {
    kLuma8,   // uint8, one value per pixel
    kLuma32,  // float32, one value per pixel
    kRgb8,    // uint8, red, green, blue interleaved
};

// Rows are contiguous. Borrows `pixels`.
struct Picture {
    Layout layout;
    const void* pixels;
    int height_px;
    int width_px;
};

}  // namespace hashmatch
