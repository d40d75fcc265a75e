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
};

extern const HammingKernels kHammingPortable;
#if defined(__x86_64__)
extern const HammingKernels kHammingAvx2;
extern const HammingKernels kHammingAvx512;
#elif defined(__aarch64__)
extern const HammingKernels kHammingNeon;
#endif

}  // namespace hashmatch
