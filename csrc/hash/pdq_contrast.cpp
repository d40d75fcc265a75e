#include "hash/pdq_contrast.h"

#include <algorithm>

#include "hash/pdq_geometry.h"

namespace hashmatch {
namespace {

constexpr int kAreas = 8;  // along a side
constexpr int kArea = kGridSide / kAreas;
constexpr int kDropped = kCells / 100;
constexpr float kLeastDetail = 1.0f;  // levels

// Noise averages out over an area, and a gradient, even one that is steeper at one end, vanishes in mixed
// second differences.
bool has_detail(const float* grid, float gain) {
    float mean[kAreas][kAreas] = {};
    for (int row = 0; row < kGridSide; ++row) {
        for (int column = 0; column < kGridSide; ++column)
            mean[row / kArea][column / kArea] += grid[row * kGridSide + column];
    }
    float sum = 0.0f;
    for (int row = 0; row + 1 < kAreas; ++row) {
        for (int column = 0; column + 1 < kAreas; ++column) {
            const float across_above = mean[row][column + 1] - mean[row][column];
            const float across_below = mean[row + 1][column + 1] - mean[row + 1][column];
            const float difference = gain * (across_below - across_above) / (kArea * kArea);
            sum += difference * difference;
        }
    }
    return sum >= kLeastDetail * kLeastDetail * (kAreas - 1) * (kAreas - 1);
}

}  // namespace

float stretch_of(const float* grid, float gain) {
    if (!has_detail(grid, gain)) return 1.0f;
    float cells[kCells];
    std::copy(grid, grid + kCells, cells);
    std::nth_element(cells, cells + kDropped, cells + kCells);
    const float low = cells[kDropped];
    std::nth_element(cells, cells + kCells - 1 - kDropped, cells + kCells);
    const float range = gain * (cells[kCells - 1 - kDropped] - low);
    return range * kLargestStretch <= 255.0f ? kLargestStretch : std::max(255.0f / range, 1.0f);
}

}  // namespace hashmatch
