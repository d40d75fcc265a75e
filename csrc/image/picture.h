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

// The pixels of a row are contiguous. Borrows `pixels`.
struct Picture {
    Layout layout;
    const void* pixels;
    int height_px;
    int width_px;
    size_t row_step = 0;  // values from one row to the next; 0 if rows follow each other

    size_t row_values() const { return size_t{layout == Layout::kRgb8 ? 3u : 1u} * width_px; }
    size_t step() const { return row_step > 0 ? row_step : row_values(); }
};

}  // namespace hashmatch
