// AVX-512 with VPOPCNTDQ and BITALG (Ice Lake, Zen 4 and later). One plane of a block is one register,
// and one instruction counts the bits of its bytes.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "kernels/hamming_popcnt.h"
#include "kernels/kernel.h"

#define HM_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512bitalg")))
#define HM_LANES 16
#define HM_TILE 8

namespace hashmatch {
namespace {

#include "kernels/grey_loops.h"
#include "kernels/grey_x86.h"
#include "kernels/pdq_lanes.h"
#include "kernels/pdq_x86.h"

bool runs_here() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vpopcntdq") &&
           __builtin_cpu_supports("avx512bitalg");
}

template <int kQueries>
HM_TARGET void filter(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
                      const uint8_t* const* queries, int radius, uint64_t* masks) {
    alignas(64) uint8_t repeated[kMaxPlanes][kQueries][kBlockCodes];
    for (int p = 0; p < n_planes; ++p)
        for (int q = 0; q < kQueries; ++q) std::memset(repeated[p][q], queries[q][p], kBlockCodes);
    const __m512i limit = _mm512_set1_epi8(static_cast<char>(radius));
    for (size_t block = 0; block < n_blocks; ++block) {
        const uint8_t* plane = planes + block * stride_bytes;
        __m512i counts[kQueries];
        for (int q = 0; q < kQueries; ++q) counts[q] = _mm512_setzero_si512();
        for (int p = 0; p < n_planes; ++p, plane += kBlockCodes) {
            const __m512i bytes = _mm512_loadu_si512(plane);
            for (int q = 0; q < kQueries; ++q) {
                const __m512i differing = _mm512_xor_si512(bytes, _mm512_load_si512(repeated[p][q]));
                counts[q] = _mm512_add_epi8(counts[q], _mm512_popcnt_epi8(differing));
            }
        }
        for (int q = 0; q < kQueries; ++q) masks[block * kQueries + q] = _mm512_cmple_epu8_mask(counts[q], limit);
    }
}

void filter1(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes, const uint8_t* query,
             int radius, uint64_t* masks) {
    filter<1>(planes, stride_bytes, n_blocks, n_planes, &query, radius, masks);
}

// Adds neighbouring words: word i of the result is the sum of words 2 * i and 2 * i + 1 of `a` and then `b`.
HM_TARGET inline __m512i add_neighbours(__m512i a, __m512i b) {
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14),
                  odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    return _mm512_add_epi64(_mm512_permutex2var_epi64(a, even, b), _mm512_permutex2var_epi64(a, odd, b));
}

// Sums of kWords (1, 2, 4 or 8) consecutive counts of differing bits, for eight runs of words at `words`.
// `query` is repeated to fill a register.
template <int kWords>
HM_TARGET inline __m512i sums_of_eight(const uint8_t* words, __m512i query) {
    if constexpr (kWords == 1) {
        return _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(words), query));
    } else {
        constexpr int kHalf = kWords / 2;
        return add_neighbours(sums_of_eight<kHalf>(words, query), sums_of_eight<kHalf>(words + 64 * kHalf, query));
    }
}

// Codes ahead of those compared that are prefetched, in bytes: a lone query is then about a fifth faster.
constexpr size_t kAheadBytes = 8192;

template <int kWords>
HM_TARGET void near_codes_of_words(const uint8_t* codes, size_t n, const uint8_t* query, int limit, uint64_t* masks) {
    constexpr size_t kBytes = 8 * kWords;
    alignas(64) uint8_t repeated[64];
    for (size_t at = 0; at < 64; at += kBytes) std::memcpy(repeated + at, query, kBytes);
    const __m512i words = _mm512_load_si512(repeated), most = _mm512_set1_epi64(limit);
    const size_t n_whole = n - n % 64;
    for (size_t first = 0; first < n_whole; first += 64) {
        uint64_t within = 0;
#pragma GCC unroll 1  // unrolled, prefetches bunch up, and a scan from memory is a fifth slower
        for (size_t i = 0; i < 64; i += 8, codes += 8 * kBytes) {
            for (size_t line = 0; line < 8 * kBytes; line += 64)
                _mm_prefetch(reinterpret_cast<const char*>(codes) + kAheadBytes + line, _MM_HINT_T0);
            within |= static_cast<uint64_t>(_mm512_cmple_epi64_mask(sums_of_eight<kWords>(codes, words), most)) << i;
        }
        masks[first / 64] = within;
    }
    if (n > n_whole)
        near_codes_by_distances<distances_by_popcnt>(codes, n - n_whole, kBytes, query, limit, masks + n_whole / 64);
}

void near_codes(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query, int limit, uint64_t* masks) {
    switch (n_bytes) {
        case 8:
            return near_codes_of_words<1>(codes, n, query, limit, masks);
        case 16:
            return near_codes_of_words<2>(codes, n, query, limit, masks);
        case 32:
            return near_codes_of_words<4>(codes, n, query, limit, masks);
        case 64:
            return near_codes_of_words<8>(codes, n, query, limit, masks);
        default:
            return near_codes_by_distances<distances_by_popcnt>(codes, n, n_bytes, query, limit, masks);
    }
}

// Sets bit i if sketch i of the 32 at `sketches` is within the limit.
HM_TARGET inline uint64_t near_in_32(const uint16_t* sketches, __m512i query, __m512i limit) {
    const __m512i differing = _mm512_xor_si512(_mm512_loadu_si512(sketches), query);
    return _mm512_cmple_epi16_mask(_mm512_popcnt_epi16(differing), limit);
}

// Collects masks of near sketches. The few that are not empty are first gathered without a branch, which would
// mispredict; nearly all of those hold one pair. That keeps the inner loop of report() short and of nearly
// constant length, which predicts well.
class NearMasks {
  public:
    explicit NearMasks(NearPair* pairs) : pairs_(pairs) {}

    // Bit i of the mask is set if posting `first` + i is near; `first` counts modulo 2^32.
    void add(uint32_t query, uint32_t first, uint64_t within) {
        masks_[n_] = within;
        places_[n_] = {query, first};
        n_ += within != 0;
        if (n_ == kTogether) report();
    }

    // Turns the masks added so far into pairs; returns the number of pairs written in total.
    size_t report() {
        for (size_t i = 0; i < n_; ++i) {
            const NearPair place = places_[i];
            uint64_t within = masks_[i];
            do pairs_[found_++] = {place.query, place.posting + static_cast<uint32_t>(__builtin_ctzll(within))};
            while (within &= within - 1);
        }
        n_ = 0;
        return found_;
    }

  private:
    static constexpr size_t kTogether = 128;
    uint64_t masks_[kTogether + 1];
    NearPair places_[kTogether + 1];
    size_t n_ = 0, found_ = 0;
    NearPair* const pairs_;
};

HM_TARGET size_t near_pairs(const uint16_t* queries, size_t n_queries, const uint16_t* postings, size_t n_postings,
                            int limit, NearPair* pairs) {
    const __m512i most = _mm512_set1_epi16(static_cast<short>(limit));
    NearMasks masks(pairs);
    for (size_t query = 0; query < n_queries; ++query) {
        const __m512i sketch = _mm512_set1_epi16(static_cast<short>(queries[query]));
        for (size_t first = 0; first < n_postings; first += 64) {
            const size_t left = n_postings - first;
            const uint64_t filled = left < 64 ? (uint64_t{1} << left) - 1 : ~uint64_t{0};
            uint64_t within = near_in_32(postings + first, sketch, most);
            if (left > 32) within |= near_in_32(postings + first + 32, sketch, most) << 32;
            masks.add(static_cast<uint32_t>(query), static_cast<uint32_t>(first), filled & within);
        }
    }
    return masks.report();
}

// Two cache lines at a time without a branch: most runs end in their first or second line, and a branch
// on which would mispredict.
HM_TARGET size_t near_probes(const SketchProbe* probes, size_t n_probes, size_t n_next, NearPair* pairs) {
    NearMasks masks(pairs);
    for (size_t i = 0; i < n_probes; ++i) {
        if (i + kProbesAhead < n_probes + n_next) prefetch_run(probes[i + kProbesAhead]);
        const SketchProbe& probe = probes[i];
        const __m512i sketch = _mm512_set1_epi16(static_cast<short>(probe.sketch));
        const __m512i limit = _mm512_set1_epi16(probe.limit);
        const uint32_t skipped = reinterpret_cast<uintptr_t>(probe.sketches) / sizeof(uint16_t) % kLineSketches;
        const uint16_t* line = probe.sketches - skipped;
        const uint32_t end = skipped + probe.count;  // like `first`, relative to the start of the first line
        uint64_t wanted = ~uint64_t{0} << skipped;
        for (uint32_t first = 0; first < end; first += 2 * kLineSketches, line += 2 * kLineSketches) {
            const uint32_t left = end - first;
            const uint16_t* second = line + (left > kLineSketches ? kLineSketches : 0);
            const uint64_t within = near_in_32(line, sketch, limit) | near_in_32(second, sketch, limit)
                                                                          << kLineSketches;
            masks.add(static_cast<uint32_t>(i), first - skipped,
                      within & wanted & (left < 64 ? (uint64_t{1} << left) - 1 : ~uint64_t{0}));
            wanted = ~uint64_t{0};
        }
    }
    return masks.report();
}

}  // namespace

extern const Kernel kAvx512 = {
    .name = "avx512",
    .runs_here = runs_here,
    .hamming =
        {
            .filter4 = filter<kFilterQueries>,
            .filter1 = filter1,
            .distances = distances_by_popcnt,
            .near_codes = near_codes,
            .near_pairs = near_pairs,
            .near_probes = near_probes,
        },
    .pdq =
        {
            .weigh_u8 = weigh_u8_x86,
            .weigh_f32 = weigh_f32,
            .mix_rgb = mix_rgb_x86,
            .luma_of_u8 = luma_of_u8,
            .luma_of_rgb = luma_of_rgb_x86,
            .to_columns = to_columns,
            .from_columns = from_columns,
            .box_rows = box_rows,
            .box_sums = box_sums,
            .box_step = box_step,
            .multiply_16x64 = multiply_16x64,
            .gradient_sums = gradient_sums,
            .largest_magnitude = largest_magnitude,
        },
    .grey =
        {
            .grey_of_rgb = grey_of_rgb_x86,
            .weigh_row = weigh_row_x86,
            .weigh_columns = weigh_columns,
            .round_sums = round_sums,
        },
};

}  // namespace hashmatch
#endif
