// The arithmetic of PDQ: one table of functions for each instruction set.
//
// Every table gives the same floats, bit for bit: sums are taken in one order, whatever the width of
// a register, and products are never fused into sums.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

// Rows that are turned into columns together, so that sums along them can advance side by side.
constexpr size_t kBandRows = 16;

// Room that box_rows() and box_sums() need beside a row.
constexpr size_t row_padding(size_t window) { return window / 2 + 8; }

struct PdqKernels {
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
    // colour this is the double sum 0.299 red + 0.587 green + 0.114 blue rounded to float32.
    void (*luma_of_rgb)(const uint8_t* rgb, size_t n, float* luma);
    // Turns kBandRows rows of n values, `stride` apart, into n columns of kBandRows, and back.
    void (*to_columns)(const float* rows, size_t stride, size_t n, float* columns);
    void (*from_columns)(const float* columns, size_t n, float* rows, size_t stride);
    // The reference's box filter along kBandRows rows of n values, `stride` apart, as running float
    // sums: the newest value comes in, then the oldest leaves, then the sum is divided by the pixels
    // that the window holds. 1 <= window <= n. The rows go on for row_padding(window) zeros.
    // `columns` is scratch of n + window + row_padding(window) columns of kBandRows. box_rows() writes
    // rows of means and may write row_padding(window) values before and after each. box_sums() writes
    // columns of sums, undivided: the one of position x is column x + window / 2.
    void (*box_rows)(const float* rows, size_t stride, size_t n, size_t window, float* columns, float* means,
                     size_t means_stride);
    void (*box_sums)(const float* rows, size_t stride, size_t n, size_t window, float* columns, float* sums);
    // One step of the same filter from row to row: sums += in, sums -= out, means = sums / count. `in`
    // or `out`, where null, is left out.
    void (*box_step)(float* sums, const float* in, const float* out, size_t n, size_t count, float* means);
    // out (16 x n) = left (16 x 64) times right (64 x n), row-major, added in the order of the 64;
    // n is a multiple of 16.
    void (*multiply_16x64)(const float* left, const float* right, size_t n, float* out);
    // Sums over neighbouring cells u, v of a 64 x 64 grid, down and across, of the whole part of
    // |u - v| * 100 / 255 -/+ slack, never below 0.
    void (*gradient_sums)(const float* grid, float slack, int* low, int* high);
    // Largest magnitude of n floats; not a number where one of them is not.
    float (*largest_magnitude)(const float* values, size_t n);
};

extern const PdqKernels kPdqPortable;
#if defined(__x86_64__)
extern const PdqKernels kPdqAvx2;
extern const PdqKernels kPdqAvx512;
#elif defined(__aarch64__)
extern const PdqKernels kPdqNeon;
#endif

}  // namespace hashmatch
