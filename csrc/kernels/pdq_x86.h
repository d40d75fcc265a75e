// PdqOps in 256-bit registers, shared by the AVX2 and AVX-512 kernels. Included after pdq_lanes.h, in
// the same way, with HM_TILE 8.

HM_TARGET void transpose_tile(const float* from, size_t from_stride, float* to, size_t to_stride) {
    // Each register holds half of row i and half of row i + 4, so 4 x 4 tiles are transposed in its halves.
    __m256 rows[4], pairs[4];
    for (int half = 0; half < 2; ++half) {
        const float* corner = from + 4 * half;
        for (int i = 0; i < 4; ++i)
            rows[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(corner + i * from_stride)),
                                           _mm_loadu_ps(corner + (i + 4) * from_stride), 1);
        pairs[0] = _mm256_unpacklo_ps(rows[0], rows[1]);
        pairs[1] = _mm256_unpackhi_ps(rows[0], rows[1]);
        pairs[2] = _mm256_unpacklo_ps(rows[2], rows[3]);
        pairs[3] = _mm256_unpackhi_ps(rows[2], rows[3]);
        float* column = to + 4 * half * to_stride;
        _mm256_storeu_ps(column, _mm256_shuffle_ps(pairs[0], pairs[2], 0x44));
        _mm256_storeu_ps(column + to_stride, _mm256_shuffle_ps(pairs[0], pairs[2], 0xee));
        _mm256_storeu_ps(column + 2 * to_stride, _mm256_shuffle_ps(pairs[1], pairs[3], 0x44));
        _mm256_storeu_ps(column + 3 * to_stride, _mm256_shuffle_ps(pairs[1], pairs[3], 0xee));
    }
}

// Columns per round of weigh_narrow() and weigh_wide().
constexpr size_t kNarrow = 32, kWide = 16;

HM_TARGET inline __m256i load_bytes(const uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

HM_TARGET inline __m256i load_words(const uint8_t* from) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

HM_TARGET inline void store_words(__m128i words, float* out) {
    _mm256_storeu_ps(out, _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(words)));
}

// 32 columns whose sums fit in 16 bits and weights in 7.
HM_TARGET inline void weigh_narrow(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, float* out) {
    __m256i low = _mm256_setzero_si256(), high = low;
    for (int k = 0; k < n_rows; k += 2, rows += 2 * stride) {
        const bool pair = k + 1 < n_rows;
        const __m256i a = load_bytes(rows);
        const __m256i b = pair ? load_bytes(rows + stride) : _mm256_setzero_si256();
        const int second = pair ? weights[k + 1] : 0;
        const __m256i weight = _mm256_set1_epi16(static_cast<int16_t>(weights[k] | second << 8));
        low = _mm256_add_epi16(low, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), weight));
        high = _mm256_add_epi16(high, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), weight));
    }
    store_words(_mm256_castsi256_si128(low), out);
    store_words(_mm256_castsi256_si128(high), out + 8);
    store_words(_mm256_extracti128_si256(low, 1), out + 16);
    store_words(_mm256_extracti128_si256(high, 1), out + 24);
}

// 16 columns.
HM_TARGET inline void weigh_wide(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, float* out) {
    __m256i low = _mm256_setzero_si256(), high = low;
    for (int k = 0; k < n_rows; k += 2, rows += 2 * stride) {
        const bool pair = k + 1 < n_rows;
        const __m256i a = load_words(rows);
        const __m256i b = pair ? load_words(rows + stride) : _mm256_setzero_si256();
        const int second = pair ? weights[k + 1] : 0;
        const __m256i weight = _mm256_set1_epi32(weights[k] | second << 16);
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), weight));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), weight));
    }
    _mm256_storeu_ps(out, _mm256_cvtepi32_ps(_mm256_permute2x128_si256(low, high, 0x20)));
    _mm256_storeu_ps(out + 8, _mm256_cvtepi32_ps(_mm256_permute2x128_si256(low, high, 0x31)));
}

HM_TARGET void weigh_u8_x86(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, int total, size_t n,
                            float* out) {
    // If n is not a multiple, the last round overlaps the previous one and rewrites the same values.
    if (n >= kNarrow && total * 255 <= 0xffff) {
        for (size_t c = 0; c < n; c += kNarrow) {
            const size_t at = c + kNarrow <= n ? c : n - kNarrow;
            weigh_narrow(rows + at, stride, weights, n_rows, out + at);
        }
    } else if (n >= kWide) {
        for (size_t c = 0; c < n; c += kWide) {
            const size_t at = c + kWide <= n ? c : n - kWide;
            weigh_wide(rows + at, stride, weights, n_rows, out + at);
        }
    } else {
        weigh_u8_plain(rows, stride, weights, n_rows, n, out);
    }
}

// Luma of 8 pixels; reads 28 bytes.
HM_TARGET inline void luma_of_8(const uint8_t* rgb, float* luma) {
    const __m256i bytes =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rgb))),
                                _mm_loadu_si128(reinterpret_cast<const __m128i*>(rgb + 12)), 1);
    // Pairs of 16 bits: red and green, then blue and zero.
    const __m256i red_green = _mm256_shuffle_epi8(
        bytes, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1)));
    const __m256i blue = _mm256_shuffle_epi8(
        bytes, _mm256_broadcastsi128_si256(_mm_setr_epi8(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1)));
    const __m256i thousandths = _mm256_add_epi32(_mm256_madd_epi16(red_green, _mm256_set1_epi32(299 | 587 << 16)),
                                                 _mm256_madd_epi16(blue, _mm256_set1_epi32(114)));
    _mm256_storeu_ps(luma, _mm256_div_ps(_mm256_cvtepi32_ps(thousandths), _mm256_set1_ps(1000.0f)));
}

HM_TARGET void luma_of_rgb_x86(const uint8_t* rgb, size_t n, float* luma) {
    size_t c = 0;
    for (; c + 10 <= n; c += 8) luma_of_8(rgb + 3 * c, luma + c);
    luma_of_rgb(rgb + 3 * c, n - c, luma + c);
}

HM_TARGET void mix_rgb_x86(const float* rgb, size_t n, float* luma) {
    const __m256i red_order = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
    const __m256i green_order = _mm256_setr_epi32(1, 4, 7, 2, 5, 0, 3, 6);
    const __m256i blue_order = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    size_t c = 0;
    for (; c + 8 <= n; c += 8) {
        const __m256 a = _mm256_loadu_ps(rgb + 3 * c);
        const __m256 b = _mm256_loadu_ps(rgb + 3 * c + 8);
        const __m256 d = _mm256_loadu_ps(rgb + 3 * c + 16);
        const __m256 reds = _mm256_blend_ps(_mm256_blend_ps(a, b, 0x92), d, 0x24);
        const __m256 greens = _mm256_blend_ps(_mm256_blend_ps(a, b, 0x24), d, 0x49);
        const __m256 blues = _mm256_blend_ps(_mm256_blend_ps(a, b, 0x49), d, 0x92);
        const __m256 red = _mm256_permutevar8x32_ps(reds, red_order);
        const __m256 green = _mm256_permutevar8x32_ps(greens, green_order);
        const __m256 blue = _mm256_permutevar8x32_ps(blues, blue_order);
        const __m256 warm =
            _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(299.0f), red), _mm256_mul_ps(_mm256_set1_ps(587.0f), green));
        _mm256_storeu_ps(luma + c, _mm256_add_ps(warm, _mm256_mul_ps(_mm256_set1_ps(114.0f), blue)));
    }
    mix_rgb(rgb + 3 * c, n - c, luma + c);
}
