// Sizes and positions fixed by the definition of PDQ.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hashmatch {

constexpr int kGridSide = 64;  // the picture is reduced to kGridSide x kGridSide samples
constexpr int kBandSide = 16;  // frequencies 1..kBandSide of the cosine transform along each axis
constexpr int kCells = kGridSide * kGridSide;
constexpr int kCoefficients = kBandSide * kBandSide;
constexpr int kCodeBytes = kCoefficients / 8;
constexpr int kMinSide_px = 5;  // below, the hash is all zero and its quality 0

// Width of the box filter along a side. At position p a window of width w covers p - (w - 1) / 2 to
// p + w / 2, clipped to the picture.
inline int box_window(int side_px) { return (side_px + 127) / 128; }

// Number of pixels in 0 .. side_px - 1 that the window around `at` covers.
inline int window_count(int at, int window, int side_px) {
    return std::min(at + window / 2 + 1, side_px) - std::max(at - (window - 1) / 2, 0);
}

// Position of sample `i` of the 64 along a side.
inline int sample_centre(int i, int side_px) {
    return static_cast<int>((2 * i + 1) * static_cast<int64_t>(side_px) / 128);
}

}  // namespace hashmatch
