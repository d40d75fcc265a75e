// The loops of GreyKernels, for the compiler to vectorise: include it with HM_TARGET defined as the
// instruction set to do so for.

HM_TARGET void grey_of_rgb(const uint8_t* rgb, size_t n, uint8_t* grey) {
    for (size_t i = 0; i < n; ++i) {
        const uint32_t sum = 19595u * rgb[3 * i] + 38470u * rgb[3 * i + 1] + 7471u * rgb[3 * i + 2];
        grey[i] = static_cast<uint8_t>((sum + 32768u) >> 16);
    }
}

HM_TARGET uint32_t weigh(const int16_t* values, const int16_t* high, const int16_t* low, size_t n) {
    int32_t highs = 0, lows = 0;
    for (size_t i = 0; i < n; ++i) highs += values[i] * high[i];
    for (size_t i = 0; i < n; ++i) lows += values[i] * low[i];
    return (static_cast<uint32_t>(highs) << 8) + static_cast<uint32_t>(lows);
}

HM_TARGET void add_weighed(const uint8_t* bytes, uint32_t weight, size_t n, uint32_t* sums) {
    for (size_t i = 0; i < n; ++i) sums[i] += weight * bytes[i];
}
