#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/grey_kernels.h"

namespace hashmatch {
namespace {

#define HM_TARGET __attribute__((target("avx2")))
#include "kernels/grey_loops.h"

HM_TARGET inline __m256i load(const int16_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// Eight partial sums of a span.
HM_TARGET inline __m256i weigh_span(const int16_t* values, const int16_t* high, const int16_t* low, int n) {
    __m256i highs = _mm256_setzero_si256(), lows = _mm256_setzero_si256();
    for (int i = 0; i < n; i += kSpanStep) {
        const __m256i value = load(values + i);
        highs = _mm256_add_epi32(highs, _mm256_madd_epi16(value, load(high + i)));
        lows = _mm256_add_epi32(lows, _mm256_madd_epi16(value, load(low + i)));
    }
    return _mm256_add_epi32(_mm256_slli_epi32(highs, 8), lows);
}

HM_TARGET void weigh_row(const int16_t* values, const WeighedSpan* spans, size_t n_spans, const int16_t* high,
                         const int16_t* low, uint32_t* sums) {
    const auto partial = [&](size_t s) HM_TARGET {
        const WeighedSpan& span = spans[s];
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

}  // namespace

const GreyKernels kGreyAvx2 = {grey_of_rgb, weigh_row, weigh_columns, round_sums};

}  // namespace hashmatch
#endif
