// Comparison of packed codes and of sketches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

// Codes are filtered in blocks of 64. A block stores its codes transposed: 64 first bytes, then 64
// second bytes, and so on. Each such run of 64 bytes is a plane.
constexpr int kBlockCodes = 64;
// Most planes in a block, so that a partial distance fits in a byte.
constexpr int kMaxPlanes = 16;
// Queries served by one pass over a block.
constexpr int kFilterQueries = 4;

// A query and a posting with similar sketches, as positions in the arrays compared.
struct NearPair {
    uint32_t query;
    uint32_t posting;
};

// Sketches per cache line.
constexpr uint32_t kLineSketches = 32;

// A run of sketches (those of one bucket) to compare with one sketch. The rest of its first cache line and
// 63 sketches past its end must be readable; they are never reported.
struct SketchProbe {
    const uint16_t* sketches;
    uint32_t count;  // at least 1
    uint16_t sketch;
    int16_t limit;  // most bits in which the sketches may differ, 0..32
};

struct HammingOps {
    // For each of n_blocks blocks, `stride_bytes` apart, and each query: sets bit i of masks[block * 4 +
    // query] if code i differs from the query in at most `radius` (0..255) bits of its first n_planes
    // bytes. `queries` holds four pointers to n_planes bytes each.
    void (*filter4)(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
                    const uint8_t* const* queries, int radius, uint64_t* masks);
    // The same for one query, into masks[block].
    void (*filter1)(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes, const uint8_t* query,
                    int radius, uint64_t* masks);
    // Distance in bits between the query and each of n contiguous codes of n_bytes bytes.
    void (*distances)(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query, uint16_t* distances);
    // Sets bit i % 64 of masks[i / 64] if code i of n contiguous codes differs from the query in at most `limit` bits
    // (0..65,535); bits past the last code are 0. May prefetch what follows the codes.
    void (*near_codes)(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query, int limit, uint64_t* masks);
    // Writes every pair of 16-bit sketches that differ in at most `limit` bits, in any order; returns their
    // number. Reads up to 63 sketches past n_postings without reporting them. `pairs` has room for all.
    size_t (*near_pairs)(const uint16_t* queries, size_t n_queries, const uint16_t* postings, size_t n_postings,
                         int limit, NearPair* pairs);
    // The same for runs scattered in memory: writes pairs of a probe and a position in its run. Also
    // prefetches the first of the next n_next probes. `pairs` has room for all.
    size_t (*near_probes)(const SketchProbe* probes, size_t n_probes, size_t n_next, NearPair* pairs);
};

// Probes prefetched ahead of the comparison: enough to keep memory busy all the time, few enough to fit
// in the second-level cache.
constexpr size_t kProbesAhead = 512;

// Prefetches a line into the second-level cache, which can have about twice as many lines in flight as the
// first. In assembly where possible: GCC before 14 treats a function that only calls __builtin_prefetch as
// having no effect and drops the calls to it.
inline void prefetch(const void* line) {
#if defined(__x86_64__)
    asm volatile("prefetcht1 %0" : : "m"(*static_cast<const char*>(line)));
#elif defined(__aarch64__)
    asm volatile("prfm pldl2keep, %0" : : "Q"(*static_cast<const char*>(line)));
#else
    __builtin_prefetch(line, 0, 2);
#endif
}

// Prefetches the first lines of a run; the hardware prefetcher follows a longer one.
inline void prefetch_run(const SketchProbe& probe) {
    constexpr uint32_t kLines = 8;
    const uint32_t count = probe.count < kLines * kLineSketches ? probe.count : kLines * kLineSketches;
    for (uint32_t i = kLineSketches; i < count; i += kLineSketches) prefetch(probe.sketches + i);
    prefetch(probe.sketches);
    prefetch(probe.sketches + count - 1);
}

// near_codes() by the kernel's own distances().
template <void (*distances)(const uint8_t*, size_t, int, const uint8_t*, uint16_t*)>
void near_codes_by_distances(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query, int limit,
                             uint64_t* masks) {
    for (size_t first = 0; first < n; first += 64) {
        const size_t count = n - first < 64 ? n - first : 64;
        uint16_t of_block[64];
        distances(codes + first * n_bytes, count, n_bytes, query, of_block);
        uint64_t within = 0;
        for (size_t i = 0; i < count; ++i) within |= static_cast<uint64_t>(of_block[i] <= limit) << i;
        masks[first / 64] = within;
    }
}

// near_probes() as one call of the kernel's own near_pairs() per probe.
template <size_t (*near_pairs)(const uint16_t*, size_t, const uint16_t*, size_t, int, NearPair*)>
size_t near_probes_by_pairs(const SketchProbe* probes, size_t n_probes, size_t n_next, NearPair* pairs) {
    size_t found = 0;
    for (size_t i = 0; i < n_probes; ++i) {
        if (i + kProbesAhead < n_probes + n_next) prefetch_run(probes[i + kProbesAhead]);
        const size_t more =
            near_pairs(&probes[i].sketch, 1, probes[i].sketches, probes[i].count, probes[i].limit, pairs + found);
        for (const size_t end = found + more; found < end; ++found) pairs[found].query = static_cast<uint32_t>(i);
    }
    return found;
}

}  // namespace hashmatch
