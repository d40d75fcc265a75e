// Arithmetic of PDQ. Every kernel gives the same floats, bit for bit: sums are taken in one order,
// whatever the width of a register, and products are never fused into sums.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

// Rows transposed together, so that the sums along them can advance side by side.
constexpr size_t kBandRows = 16;

// Floats of padding that box_rows() and box_sums() need around a row.
constexpr size_t row_padding(size_t window) { return window / 2 + 8; }

struct PdqOps {
    // out[c] = sum over k < n_rows of weights[k] * rows[k * stride + c], for c < n, in 32-bit
    // integers. `total` is the sum of the weights, at most 2^23; each weight is at least 0.
    void (*weigh_u8)(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, int total, size_t n,
                     float* out);
    // The same for floats, added in the order of k.
    void (*weigh_f32)(const float* rows, size_t stride, const float* weights, int n_rows, size_t n, float* out);
    // luma[c] = 299 red + 587 green + 114 blue of n interleaved sums.
    void (*mix_rgb)(const float* rgb, size_t n, float* luma);
    // n bytes as floats.
    void (*luma_of_u8)(const uint8_t* bytes, size_t n, float* luma);
    // Luma of n interleaved pixels: (299 red + 587 green + 114 blue) / 1000, rounded once. For every
    // colour this equals the double sum 0.299 red + 0.587 green + 0.114 blue rounded to float32.
    void (*luma_of_rgb)(const uint8_t* rgb, size_t n, float* luma);
    // Transposes kBandRows rows of n values, `stride` apart, into n columns of kBandRows, and back.
    void (*to_columns)(const float* rows, size_t stride, size_t n, float* columns);
    void (*from_columns)(const float* columns, size_t n, float* rows, size_t stride);
    // The reference's box filter along kBandRows rows of n values, `stride` apart, as running float
    // sums: add the newest value, subtract the oldest, then divide by the number of pixels in the
    // window. 1 <= window <= n. row_padding(window) zeros follow each row. `columns` is scratch of
    // n + window + row_padding(window) columns of kBandRows. box_rows() writes rows of means and may
    // write row_padding(window) values before and after each. box_sums() writes columns of undivided
    // sums: the sum at position x is column x + window / 2.
    void (*box_rows)(const float* rows, size_t stride, size_t n, size_t window, float* columns, float* means,
                     size_t means_stride);
    void (*box_sums)(const float* rows, size_t stride, size_t n, size_t window, float* columns, float* sums);
    // One step of the same filter down the rows: sums += in, sums -= out, means = sums / count. A null
    // `in` or `out` is skipped.
    void (*box_step)(float* sums, const float* in, const float* out, size_t n, size_t count, float* means);
    // out (16 x n) = left (16 x 64) times right (64 x n), row-major, summed in index order; n is a
    // multiple of 16.
    void (*multiply_16x64)(const float* left, const float* right, size_t n, float* out);
    // Sums, over all vertically and horizontally adjacent cells u, v of a 64 x 64 grid, of the integer
    // part of |u - v| * 100 / 255, less `slack` (*low, terms clamped at 0) and plus `slack` (*high).
    void (*gradient_sums)(const float* grid, float slack, int* low, int* high);
    // Largest magnitude of n floats; NaN if any of them is NaN.
    float (*largest_magnitude)(const float* values, size_t n);
};

}  // namespace hashmatch
