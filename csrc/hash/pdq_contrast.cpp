#include "hash/pdq_contrast.h"

#include <algorithm>

#include "hash/pdq_geometry.h"

namespace hashmatch {
namespace {

constexpr int kDropped = kCells / 100;
constexpr float kLeastDetail = 1.0f;  // levels

// Returns whether mixed second differences of the means of `areas` x `areas` areas reach kLeastDetail in the
// root mean square. Noise averages out over an area, and in such differences a gradient vanishes.
bool has_detail(const float* grid, float gain, int areas) {
    const int area = kGridSide / areas;
    float sums[kGridSide / 4 * kGridSide / 4] = {};
    for (int row = 0; row < kGridSide; ++row) {
        for (int column = 0; column < kGridSide; ++column)
            sums[row / area * areas + column / area] += grid[row * kGridSide + column];
    }
    float squares = 0.0f;
    for (int row = 0; row + 1 < areas; ++row) {
        for (int column = 0; column + 1 < areas; ++column) {
            const float* above = sums + row * areas + column;
            const float* below = above + areas;
            const float difference = gain * ((below[1] - below[0]) - (above[1] - above[0])) / (area * area);
            squares += difference * difference;
        }
    }
    return squares >= kLeastDetail * kLeastDetail * (areas - 1) * (areas - 1);
}

}  // namespace

float stretch_of(const float* grid, float gain) {
    // The larger areas tell it from noise, the smaller ones from a lamp's light on a wall.
    if (!has_detail(grid, gain, 8) || !has_detail(grid, gain, 16)) return 1.0f;
    float cells[kCells];
    std::copy(grid, grid + kCells, cells);
    std::nth_element(cells, cells + kDropped, cells + kCells);
    const float low = cells[kDropped];
    std::nth_element(cells, cells + kCells - 1 - kDropped, cells + kCells);
    const float range = gain * (cells[kCells - 1 - kDropped] - low);
    return range * kLargestStretch <= 255.0f ? kLargestStretch : std::max(255.0f / range, 1.0f);
}

}  // namespace hashmatch
