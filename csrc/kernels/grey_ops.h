// Arithmetic on 8-bit grey for the pHash family. All of it is integer, so every kernel gives the
// same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

// Spans of weights are padded with zeros to a multiple of this.
constexpr int kSpanStep = 16;

// A weighted sum along a row: `n` values (a multiple of kSpanStep) starting at `first`, with the
// weights starting at `weights`.
struct WeightedSpan {
    int first;
    int n;
    size_t weights;
};

struct GreyOps {
    // grey[i] = (19595 red + 38470 green + 7471 blue + 32768) >> 16 for n interleaved pixels.
    void (*grey_of_rgb)(const uint8_t* rgb, size_t n, uint8_t* grey);
    // sums[s] = sum of values[i] * (256 * high[i] + low[i]) over each span, modulo 2^32.
    void (*weigh_row)(const int16_t* values, const WeightedSpan* spans, size_t n_spans, const int16_t* high,
                      const int16_t* low, uint32_t* sums);
    // sums[c] = sum over k < n_rows of weights[k] * rows[k * stride + c], for c < n, modulo 2^32.
    void (*weigh_columns)(const uint8_t* rows, size_t stride, const int32_t* weights, int n_rows, size_t n,
                          uint32_t* sums);
    // bytes[i] = (int32(sums[i]) + 2^21) >> 22, clamped to 0..255.
    void (*round_sums)(const uint32_t* sums, size_t n, uint8_t* bytes);
};

}  // namespace hashmatch
