// Tents, two box filters in a row: the weights of PDQ's down-sampling along one side.
#pragma once

#include <array>
#include <cstdint>

#include "hash/pdq_geometry.h"

namespace hashmatch {

// A sample is the sum of weights[k] * value[first + k] over k < n, divided by `total`. Weights are integers.
struct Tent {
    int first;
    int n;
    int total;
    const int16_t* weights;
    const float* weights_f32;
};

// The 64 tents of a side. All but the last have one shape: with windows of w pixels, 1, 2, .. w .. 2, 1
// over w * w. If w is even, the last one meets the far edge, where the reference divides by fewer pixels.
class Tents {
  public:
    static constexpr int kMaxWindow = 181;  // w * (w - 1) still fits in 16 bits
    static bool supports(int side_px) { return box_window(side_px) <= kMaxWindow; }

    explicit Tents(int side_px);

    Tent at(int i) const {
        const Shape& shape = i + 1 < kGridSide ? inner_ : last_;
        const int first = sample_centre(i, side_px_) - before_;
        return {first, shape.n, shape.total, shape.weights.data(), shape.weights_f32.data()};
    }

  private:
    struct Shape {
        int n, total;
        std::array<int16_t, 2 * kMaxWindow> weights;
        std::array<float, 2 * kMaxWindow> weights_f32;
    };
    void fill_shape(Shape& shape, int centre, int end);

    int side_px_, window_, before_;
    Shape inner_, last_;
};

}  // namespace hashmatch
