// AVX2. Bits are counted by table look-up (pshufb) in a table XORed with the query in advance, so that
// one shuffle gives the distance of a nibble; a plane is split into nibbles once for all queries.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/hamming_popcnt.h"
#include "kernels/kernel.h"

#define HM_TARGET __attribute__((target("avx2")))
#define HM_LANES 8
#define HM_TILE 8

namespace hashmatch {
namespace {

#include "kernels/grey_loops.h"
#include "kernels/grey_x86.h"
#include "kernels/pdq_lanes.h"
#include "kernels/pdq_x86.h"

bool runs_here() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"); }

struct NibbleTable {
    alignas(16) uint8_t low[16], high[16];
};

// Element v: bits in which nibble v differs from the query's nibble.
HM_TARGET inline __m128i nibble_distances(int nibble) {
    const __m128i counts = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m128i values = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm_shuffle_epi8(counts, _mm_xor_si128(values, _mm_set1_epi8(static_cast<char>(nibble))));
}

template <int kQueries>
HM_TARGET void filter(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
                      const uint8_t* const* queries, int radius, uint64_t* masks) {
    NibbleTable tables[kMaxPlanes][kQueries];
    for (int p = 0; p < n_planes; ++p)
        for (int q = 0; q < kQueries; ++q) {
            _mm_store_si128(reinterpret_cast<__m128i*>(tables[p][q].low), nibble_distances(queries[q][p] & 15));
            _mm_store_si128(reinterpret_cast<__m128i*>(tables[p][q].high), nibble_distances(queries[q][p] >> 4));
        }
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i limit = _mm256_set1_epi8(static_cast<char>(radius));
    for (size_t block = 0; block < n_blocks; ++block) {
        const __m256i* plane = reinterpret_cast<const __m256i*>(planes + block * stride_bytes);
        __m256i counts[kQueries][2];
        for (int q = 0; q < kQueries; ++q) counts[q][0] = counts[q][1] = _mm256_setzero_si256();
        for (int p = 0; p < n_planes; ++p, plane += 2) {
            const __m256i a = _mm256_loadu_si256(plane), b = _mm256_loadu_si256(plane + 1);
            const __m256i a_low = _mm256_and_si256(a, nibble), b_low = _mm256_and_si256(b, nibble);
            const __m256i a_high = _mm256_and_si256(_mm256_srli_epi16(a, 4), nibble);
            const __m256i b_high = _mm256_and_si256(_mm256_srli_epi16(b, 4), nibble);
            for (int q = 0; q < kQueries; ++q) {
                const NibbleTable& table = tables[p][q];
                const __m256i low =
                    _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table.low)));
                const __m256i high =
                    _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table.high)));
                counts[q][0] = _mm256_add_epi8(counts[q][0], _mm256_shuffle_epi8(low, a_low));
                counts[q][1] = _mm256_add_epi8(counts[q][1], _mm256_shuffle_epi8(low, b_low));
                counts[q][0] = _mm256_add_epi8(counts[q][0], _mm256_shuffle_epi8(high, a_high));
                counts[q][1] = _mm256_add_epi8(counts[q][1], _mm256_shuffle_epi8(high, b_high));
            }
        }
        for (int q = 0; q < kQueries; ++q) {
            uint64_t mask = 0;
            for (int half = 0; half < 2; ++half) {
                const __m256i within = _mm256_cmpeq_epi8(_mm256_min_epu8(counts[q][half], limit), counts[q][half]);
                mask |= static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(within))) << (32 * half);
            }
            masks[block * kQueries + q] = mask;
        }
    }
}

void filter1(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes, const uint8_t* query,
             int radius, uint64_t* masks) {
    filter<1>(planes, stride_bytes, n_blocks, n_planes, &query, radius, masks);
}

HM_TARGET size_t near_pairs(const uint16_t* queries, size_t n_queries, const uint16_t* postings, size_t n_postings,
                            int limit, NearPair* pairs) {
    const __m256i nibble = _mm256_set1_epi8(15), ones = _mm256_set1_epi8(1);
    const __m256i counts = _mm256_broadcastsi128_si256(nibble_distances(0));
    const __m256i above = _mm256_set1_epi16(static_cast<short>(limit + 1));
    size_t found = 0;
    for (size_t first = 0; first < n_postings; first += 16) {
        const __m256i sketches = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(postings + first));
        const size_t left = n_postings - first;
        const uint32_t filled = left < 16 ? (1u << (2 * left)) - 1 : ~0u;
        for (size_t query = 0; query < n_queries; ++query) {
            const __m256i differing = _mm256_xor_si256(sketches, _mm256_set1_epi16(static_cast<short>(queries[query])));
            const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(differing, nibble));
            const __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(differing, 4), nibble));
            const __m256i bits = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), ones);
            uint32_t within = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi16(above, bits))) & filled;
            for (; within; within &= within - 1, within &= within - 1)  // two mask bits per sketch
                pairs[found++] = {static_cast<uint32_t>(query),
                                  static_cast<uint32_t>(first) + static_cast<uint32_t>(__builtin_ctz(within)) / 2};
        }
    }
    return found;
}

// One cache line, two registers, at a time.
HM_TARGET size_t near_probes(const SketchProbe* probes, size_t n_probes, size_t n_next, NearPair* pairs) {
    const __m256i nibble = _mm256_set1_epi8(15), ones = _mm256_set1_epi8(1);
    const __m256i counts = _mm256_broadcastsi128_si256(nibble_distances(0));
    size_t found = 0;
    for (size_t i = 0; i < n_probes; ++i) {
        if (i + kProbesAhead < n_probes + n_next) prefetch_run(probes[i + kProbesAhead]);
        const SketchProbe& probe = probes[i];
        const __m256i sketch = _mm256_set1_epi16(static_cast<short>(probe.sketch));
        const __m256i above = _mm256_set1_epi16(static_cast<short>(probe.limit + 1));
        const uint32_t skipped = reinterpret_cast<uintptr_t>(probe.sketches) / sizeof(uint16_t) % kLineSketches;
        const __m256i* half = reinterpret_cast<const __m256i*>(probe.sketches - skipped);
        const uint32_t end = skipped + probe.count;  // like `first`, relative to the start of the first line
        for (uint32_t first = 0; first < end; first += kLineSketches, half += 2) {
            __m256i near[2];
            for (int side = 0; side < 2; ++side) {
                const __m256i differing = _mm256_xor_si256(_mm256_load_si256(half + side), sketch);
                const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(differing, nibble));
                const __m256i high =
                    _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(differing, 4), nibble));
                near[side] = _mm256_cmpgt_epi16(above, _mm256_maddubs_epi16(_mm256_add_epi8(low, high), ones));
            }
            // Packing works within 128-bit lanes; the permutation restores the order of the quarters.
            const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(near[0], near[1]), 0xd8);
            uint32_t within = static_cast<uint32_t>(_mm256_movemask_epi8(packed));
            const uint32_t left = end - first;
            within &= left < kLineSketches ? (1u << left) - 1 : ~0u;
            within &= first == 0 ? ~0u << skipped : ~0u;
            for (; within; within &= within - 1)
                pairs[found++] = {static_cast<uint32_t>(i),
                                  first + static_cast<uint32_t>(__builtin_ctz(within)) - skipped};
        }
    }
    return found;
}

}  // namespace

extern const Kernel kAvx2 = {
    .name = "avx2",
    .runs_here = runs_here,
    .hamming =
        {
            .filter4 = filter<kFilterQueries>,
            .filter1 = filter1,
            .distances = distances_by_popcnt,
            .near_codes = near_codes_by_distances<distances_by_popcnt>,
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
