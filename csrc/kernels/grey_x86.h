// GreyOps in 256-bit registers, shared by the AVX2 and AVX-512 kernels. Included after grey_loops.h,
// in the same way.

HM_TARGET inline __m256i load_sixteen(const int16_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// Grey of eight pixels, 32 bits each; reads 4 bytes past them. The weight of green exceeds 16 bits, so
// green is added in two halves, one paired with red and one with blue.
HM_TARGET inline __m256i grey_of_eight(const uint8_t* rgb) {
    const __m256i red_green = _mm256_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1,  //
                                               0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1);
    const __m256i green_blue = _mm256_setr_epi8(1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1,  //
                                                1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1);
    constexpr int kRed = 19595, kHalfGreen = 38470 / 2, kBlue = 7471;
    const __m256i pixels =
        _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(rgb + 12), reinterpret_cast<const __m128i*>(rgb));
    const __m256i first =
        _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, red_green), _mm256_set1_epi32(kHalfGreen << 16 | kRed));
    const __m256i second =
        _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, green_blue), _mm256_set1_epi32(kBlue << 16 | kHalfGreen));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(first, second), _mm256_set1_epi32(32768));
    return _mm256_srli_epi32(sum, 16);
}

HM_TARGET void grey_of_rgb_x86(const uint8_t* rgb, size_t n, uint8_t* grey) {
    constexpr size_t kStep = 32, kBeyond = 2;  // pixels
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    size_t i = 0;
    for (; i + kStep + kBeyond <= n; i += kStep) {
        const uint8_t* from = rgb + 3 * i;
        const __m256i first = _mm256_packus_epi32(grey_of_eight(from), grey_of_eight(from + 24));
        const __m256i second = _mm256_packus_epi32(grey_of_eight(from + 48), grey_of_eight(from + 72));
        const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), in_order);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(grey + i), bytes);
    }
    grey_of_rgb_plain(rgb + 3 * i, n - i, grey + i);
}

// Eight partial sums of a span.
HM_TARGET inline __m256i weigh_span(const int16_t* values, const int16_t* high, const int16_t* low, int n) {
    __m256i highs = _mm256_setzero_si256(), lows = _mm256_setzero_si256();
    for (int i = 0; i < n; i += kSpanStep) {
        const __m256i value = load_sixteen(values + i);
        highs = _mm256_add_epi32(highs, _mm256_madd_epi16(value, load_sixteen(high + i)));
        lows = _mm256_add_epi32(lows, _mm256_madd_epi16(value, load_sixteen(low + i)));
    }
    return _mm256_add_epi32(_mm256_slli_epi32(highs, 8), lows);
}

HM_TARGET void weigh_row_x86(const int16_t* values, const WeightedSpan* spans, size_t n_spans, const int16_t* high,
                             const int16_t* low, uint32_t* sums) {
    const auto partial = [&](size_t s) HM_TARGET {
        const WeightedSpan& span = spans[s];
        return weigh_span(values + span.first, high + span.weights, low + span.weights, span.n);
    };
    size_t s = 0;
    for (; s + 4 <= n_spans; s += 4) {
        const __m256i first = _mm256_hadd_epi32(partial(s), partial(s + 1));
        const __m256i second = _mm256_hadd_epi32(partial(s + 2), partial(s + 3));
        const __m256i four = _mm256_hadd_epi32(first, second);
        const __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + s), sum);
    }
    for (; s < n_spans; ++s) {
        uint32_t lanes[8];
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), partial(s));
        sums[s] = 0;
        for (const uint32_t lane : lanes) sums[s] += lane;
    }
}
