// Comparing codes: one table of functions for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

// Codes are filtered in blocks of 64. A block holds its codes byte by byte: 64 first bytes, then
// 64 second bytes, and so on; one such run of 64 bytes is a plane.
constexpr int kBlockCodes = 64;
// Planes a block can have at most, so that a partial distance fits in a byte.
constexpr int kMaxPlanes = 16;
// Queries that one pass over a block serves.
constexpr int kFilterQueries = 4;

// A query and a posting whose sketches are near each other, by their places in the arrays compared.
struct NearPair {
    uint32_t query;
    uint32_t posting;
};

// A run of sketches, those of one bucket, to be compared with one sketch. What else lies in the first cache
// line, and up to 63 sketches past the run, must be readable, and is never reported.
struct SketchProbe {
    const uint16_t* sketches;
    uint32_t count;  // at least 1
    uint16_t sketch;
    int16_t limit;  // bits by which two sketches may differ, 0..32
};

struct HammingKernels {
    // For each of n_blocks blocks, `stride_bytes` apart, and each query: bit i of masks[block * 4 +
    // query] is set where code i differs from the query in at most `radius` (0..255) bits of its
    // first n_planes bytes. `queries` are four pointers to n_planes bytes.
    void (*filter4)(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
                    const uint8_t* const* queries, int radius, uint64_t* masks);
    // The same for one query; masks[block].
    void (*filter1)(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes, const uint8_t* query,
                    int radius, uint64_t* masks);
    // Distance in bits between the query and each of n codes of n_bytes bytes, stored one by one.
    void (*distances)(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query, uint16_t* distances);
    // Every pair of 16-bit sketches that differ in at most `limit` bits, in any order; returns how many.
    // Up to 63 sketches past the n_postings are read (never reported); `pairs` has room for all.
    size_t (*near_pairs)(const uint16_t* queries, size_t n_queries, const uint16_t* postings, size_t n_postings,
                         int limit, NearPair* pairs);
    // The same for runs that lie scattered in memory: pairs of a probe and a place in its run. The first
    // of those n_next probes that follow are asked of memory meanwhile. `pairs` has room for all.
    size_t (*near_probes)(const SketchProbe* probes, size_t n_probes, size_t n_next, NearPair* pairs);
};

// Probes whose sketches are asked of memory before they are compared: far more than arrive together, for
// memory is kept busy all the time that way, and yet no more than the second-level cache holds.
constexpr size_t kProbesAhead = 512;

// Asks memory for a line, to be put into the second-level cache, which can wait for about twice as many lines at
// a time as the first. In assembly where that is known, for GCC before 14 takes a function that does nothing but
// __builtin_prefetch for one without effect, and leaves out the calls of it.
inline void prefetch(const void* line) {
#if defined(__x86_64__)
    asm volatile("prefetcht1 %0" : : "m"(*static_cast<const char*>(line)));
#elif defined(__aarch64__)
    asm volatile("prfm pldl2keep, %0" : : "Q"(*static_cast<const char*>(line)));
#else
    __builtin_prefetch(line, 0, 2);
#endif
}

// Asks memory for the first lines of a run; the processor itself runs ahead through a longer one.
inline void prefetch_run(const SketchProbe& probe) {
    constexpr uint32_t kLineSketches = 32, kLines = 8;
    const uint32_t count = probe.count < kLines * kLineSketches ? probe.count : kLines * kLineSketches;
    for (uint32_t i = kLineSketches; i < count; i += kLineSketches) prefetch(probe.sketches + i);
    prefetch(probe.sketches);
    prefetch(probe.sketches + count - 1);
}

// near_probes() by a kernel's own near_pairs(), a call for each probe.
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

extern const HammingKernels kHammingPortable;
#if defined(__x86_64__)
extern const HammingKernels kHammingAvx2;
extern const HammingKernels kHammingAvx512;
#elif defined(__aarch64__)
extern const HammingKernels kHammingNeon;
#endif

}  // namespace hashmatch
