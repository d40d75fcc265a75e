// Loops of GreyKernels that the compiler vectorises by itself: include it with HM_TARGET defined as
// the instruction set to do so for.

HM_TARGET inline void grey_one_by_one(const uint8_t* rgb, size_t n, uint8_t* grey) {
    for (size_t i = 0; i < n; ++i) {
        const uint32_t sum = 19595u * rgb[3 * i] + 38470u * rgb[3 * i + 1] + 7471u * rgb[3 * i + 2];
        grey[i] = static_cast<uint8_t>((sum + 32768u) >> 16);
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
