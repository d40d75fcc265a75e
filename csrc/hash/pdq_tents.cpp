#include "hash/pdq_tents.h"

#include <algorithm>

namespace hashmatch {

Tents::Tents(int side_px) : side_px_(side_px), window_(box_window(side_px)), before_(2 * ((window_ - 1) / 2)) {
    // No centre is so near the start that its tent would be clipped: 2 * ((w - 1) / 2) <= side / 128.
    fill_shape(inner_, before_, 2 * window_ - 1);
    const int centre = sample_centre(kGridSide - 1, side_px);
    fill_shape(last_, before_, side_px - (centre - before_));
}

// Fills in the tent around `centre`. Positions count from its first pixel and end before `end`.
void Tents::fill_shape(Shape& shape, int centre, int end) {
    const int left = (window_ - 1) / 2, right = window_ / 2;
    const int box_end = std::min(centre + right + 1, end);
    const bool is_clipped = box_end - 1 + right >= end;
    // A common multiple of the divisors of the inner boxes: w, and w - 1 for the box that the edge clips.
    const int divisor = is_clipped ? window_ * (window_ - 1) : window_;
    std::array<int, 2 * kMaxWindow> weights{};
    shape.n = 0;
    for (int at = centre - left; at < box_end; ++at) {
        const int inner_end = std::min(at + right + 1, end);
        const int count = inner_end - (at - left);
        for (int p = at - left; p < inner_end; ++p) weights[p] += divisor / count;
        shape.n = inner_end;
    }
    shape.total = (box_end - (centre - left)) * divisor;
    std::copy_n(weights.begin(), shape.n, shape.weights.begin());
    std::copy_n(weights.begin(), shape.n, shape.weights_f32.begin());
}

}  // namespace hashmatch
