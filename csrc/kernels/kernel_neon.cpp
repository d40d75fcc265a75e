// NEON. One instruction (cnt) counts the bits of sixteen bytes.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/kernel.h"

#define HM_TARGET
#define HM_LANES 4
#define HM_TILE 4

namespace hashmatch {
namespace {

#include "kernels/grey_loops.h"
#include "kernels/pdq_lanes.h"
#include "kernels/pdq_neon.h"

// One bit for each of 64 bytes, each all ones or all zeros.
inline uint64_t to_mask(const uint8x16_t within[4]) {
    const uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t low = vpaddq_u8(vandq_u8(within[0], bit), vandq_u8(within[1], bit));
    const uint8x16_t high = vpaddq_u8(vandq_u8(within[2], bit), vandq_u8(within[3], bit));
    const uint8x16_t pairs = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(pairs, pairs)), 0);
}

template <int kQueries>
void filter(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes, const uint8_t* const* queries,
            int radius, uint64_t* masks) {
    const uint8x16_t limit = vdupq_n_u8(static_cast<uint8_t>(radius));
    for (size_t block = 0; block < n_blocks; ++block) {
        const uint8_t* plane = planes + block * stride_bytes;
        uint8x16_t counts[kQueries][4];
        for (int q = 0; q < kQueries; ++q)
            for (int quarter = 0; quarter < 4; ++quarter) counts[q][quarter] = vdupq_n_u8(0);
        for (int p = 0; p < n_planes; ++p, plane += kBlockCodes)
            for (int quarter = 0; quarter < 4; ++quarter) {
                const uint8x16_t bytes = vld1q_u8(plane + 16 * quarter);
                for (int q = 0; q < kQueries; ++q) {
                    const uint8x16_t differing = veorq_u8(bytes, vdupq_n_u8(queries[q][p]));
                    counts[q][quarter] = vaddq_u8(counts[q][quarter], vcntq_u8(differing));
                }
            }
        for (int q = 0; q < kQueries; ++q) {
            uint8x16_t within[4];
            for (int quarter = 0; quarter < 4; ++quarter) within[quarter] = vcleq_u8(counts[q][quarter], limit);
            masks[block * kQueries + q] = to_mask(within);
        }
    }
}

void filter1(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes, const uint8_t* query,
             int radius, uint64_t* masks) {
    filter<1>(planes, stride_bytes, n_blocks, n_planes, &query, radius, masks);
}

void distances(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query, uint16_t* out) {
    for (size_t i = 0; i < n; ++i, codes += n_bytes) {
        int distance = 0, byte = 0;
        for (; byte + 8 <= n_bytes; byte += 8)
            distance += vaddv_u8(vcnt_u8(veor_u8(vld1_u8(codes + byte), vld1_u8(query + byte))));
        for (; byte < n_bytes; ++byte) distance += __builtin_popcount(static_cast<unsigned>(codes[byte] ^ query[byte]));
        out[i] = static_cast<uint16_t>(distance);
    }
}

size_t near_pairs(const uint16_t* queries, size_t n_queries, const uint16_t* postings, size_t n_postings, int limit,
                  NearPair* pairs) {
    const int16x8_t most = vdupq_n_s16(static_cast<int16_t>(limit));
    size_t found = 0;
    for (size_t first = 0; first < n_postings; first += 8) {
        const uint16x8_t sketches = vld1q_u16(postings + first);
        const size_t left = n_postings - first;
        const uint64_t filled = left < 8 ? (uint64_t{1} << (8 * left)) - 1 : ~uint64_t{0};
        for (size_t query = 0; query < n_queries; ++query) {
            const uint16x8_t differing = veorq_u16(sketches, vdupq_n_u16(queries[query]));
            const uint16x8_t bits = vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u16(differing)));
            const uint8x8_t lanes = vmovn_u16(vcleq_s16(vreinterpretq_s16_u16(bits), most));
            uint64_t within = vget_lane_u64(vreinterpret_u64_u8(lanes), 0) & filled & 0x0101010101010101u;
            for (; within; within &= within - 1)
                pairs[found++] = {static_cast<uint32_t>(query),
                                  static_cast<uint32_t>(first) + static_cast<uint32_t>(__builtin_ctzll(within)) / 8};
        }
    }
    return found;
}

}  // namespace

extern const Kernel kNeon = {
    .name = "neon",
    .runs_here = [] { return true; },
    .hamming =
        {
            .filter4 = filter<kFilterQueries>,
            .filter1 = filter1,
            .distances = distances,
            .near_codes = near_codes_by_distances<distances>,
            .near_pairs = near_pairs,
            .near_probes = near_probes_by_pairs<near_pairs>,
        },
    .pdq =
        {
            .weigh_u8 = weigh_u8_neon,
            .weigh_f32 = weigh_f32,
            .mix_rgb = mix_rgb,
            .luma_of_u8 = luma_of_u8,
            .luma_of_rgb = luma_of_rgb,
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
            .grey_of_rgb = grey_of_rgb_plain,
            .weigh_row = weigh_row_plain,
            .weigh_columns = weigh_columns,
            .round_sums = round_sums,
        },
};

}  // namespace hashmatch
#endif
