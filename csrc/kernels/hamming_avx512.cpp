// AVX-512 with VPOPCNTDQ and BITALG: one plane of a block is one register, and bytes are counted by
// one instruction.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "kernels/hamming_kernels.h"
#include "kernels/hamming_popcnt.h"

#define HASHMATCH_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512bitalg")))

namespace hashmatch {
namespace {

template <int kQueries>
HASHMATCH_AVX512 void filter(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
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

// Bit i: whether sketch i of the 32 at `sketches` is within the limit.
HASHMATCH_AVX512 inline uint64_t near_in_32(const uint16_t* sketches, __m512i query, __m512i limit) {
    const __m512i differing = _mm512_xor_si512(_mm512_loadu_si512(sketches), query);
    return _mm512_cmple_epi16_mask(_mm512_popcnt_epi16(differing), limit);
}

// Masks in which something may be near. The few that have something are first brought together without a branch,
// for nobody can guess which they will be; nearly all of those hold one pair. The short loop of report() is
// the inner one and about as long every time, which the processor learns.
class NearMasks {
  public:
    explicit NearMasks(NearPair* pairs) : pairs_(pairs) {}

    // Bit i of the mask: whether posting `first` + i is near; `first` counts modulo 2^32.
    void add(uint32_t query, uint32_t first, uint64_t within) {
        masks_[n_] = within;
        places_[n_] = {query, first};
        n_ += within != 0;
        if (n_ == kTogether) report();
    }

    // Turns those added into pairs; returns how many there are from all of them.
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

HASHMATCH_AVX512 size_t near_pairs(const uint16_t* queries, size_t n_queries, const uint16_t* postings,
                                   size_t n_postings, int limit, NearPair* pairs) {
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

// Two lines at a time without a branch, since most runs end in their first or second line and no one can
// guess in which.
HASHMATCH_AVX512 size_t near_probes(const SketchProbe* probes, size_t n_probes, size_t n_next, NearPair* pairs) {
    constexpr uint32_t kLineSketches = 32;
    NearMasks masks(pairs);
    for (size_t i = 0; i < n_probes; ++i) {
        if (i + kProbesAhead < n_probes + n_next) prefetch_run(probes[i + kProbesAhead]);
        const SketchProbe& probe = probes[i];
        const __m512i sketch = _mm512_set1_epi16(static_cast<short>(probe.sketch));
        const __m512i limit = _mm512_set1_epi16(probe.limit);
        const uint32_t skipped = reinterpret_cast<uintptr_t>(probe.sketches) / sizeof(uint16_t) % kLineSketches;
        const uint16_t* line = probe.sketches - skipped;
        const uint32_t end = skipped + probe.count;  // counted, like `first`, from the first line
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

const HammingKernels kHammingAvx512 = {filter<kFilterQueries>, filter1, hamming_distances_popcnt, near_pairs,
                                       near_probes};

}  // namespace hashmatch
#endif
