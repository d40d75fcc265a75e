// GreyOps in plain loops that the compiler vectorises. A kernel includes this inside its unnamed
// namespace, with HM_TARGET defined as the function attribute that names the instruction set. No
// #pragma once: the text is compiled once per kernel.

HM_TARGET inline void grey_of_rgb_plain(const uint8_t* rgb, size_t n, uint8_t* grey) {
    for (size_t i = 0; i < n; ++i) {
        const uint32_t sum = 19595u * rgb[3 * i] + 38470u * rgb[3 * i + 1] + 7471u * rgb[3 * i + 2];
        grey[i] = static_cast<uint8_t>((sum + 32768u) >> 16);
    }
}

HM_TARGET inline void weigh_row_plain(const int16_t* values, const WeightedSpan* spans, size_t n_spans,
                                      const int16_t* high, const int16_t* low, uint32_t* sums) {
    for (size_t s = 0; s < n_spans; ++s) {
        const int16_t* from = values + spans[s].first;
        const int16_t *highs = high + spans[s].weights, *lows = low + spans[s].weights;
        int32_t high_sum = 0, low_sum = 0;
        for (int i = 0; i < spans[s].n; ++i) {
            high_sum += from[i] * highs[i];
            low_sum += from[i] * lows[i];
        }
        sums[s] = (static_cast<uint32_t>(high_sum) << 8) + static_cast<uint32_t>(low_sum);
    }
}

template <size_t kTile>
HM_TARGET inline void weigh_tile(const uint8_t* rows, size_t stride, const int32_t* weights, int n_rows,
                                 uint32_t* sums) {
    uint32_t tile[kTile] = {};
    for (int k = 0; k < n_rows; ++k, rows += stride) {
        const auto weight = static_cast<uint32_t>(weights[k]);
        for (size_t i = 0; i < kTile; ++i) tile[i] += weight * rows[i];
    }
    for (size_t i = 0; i < kTile; ++i) sums[i] = tile[i];
}

HM_TARGET void weigh_columns(const uint8_t* rows, size_t stride, const int32_t* weights, int n_rows, size_t n,
                             uint32_t* sums) {
    size_t c = 0;
    for (; c + 32 <= n; c += 32) weigh_tile<32>(rows + c, stride, weights, n_rows, sums + c);
    for (; c + 8 <= n; c += 8) weigh_tile<8>(rows + c, stride, weights, n_rows, sums + c);
    for (; c < n; ++c) weigh_tile<1>(rows + c, stride, weights, n_rows, sums + c);
}

HM_TARGET void round_sums(const uint32_t* sums, size_t n, uint8_t* bytes) {
    for (size_t i = 0; i < n; ++i) {
        const int32_t rounded = static_cast<int32_t>(sums[i] + (1u << 21)) >> 22;
        bytes[i] = static_cast<uint8_t>(rounded < 0 ? 0 : rounded > 255 ? 255 : rounded);
    }
}
