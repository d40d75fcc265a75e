// Every Hamming kernel this CPU runs against bits counted one by one, on random and extreme input.
// Prints how much was compared; exits non-zero at a difference. csrc/tests/run.sh builds and runs it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/hamming_kernels.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

struct NamedKernels {
    const char* name;
    bool runs_here;
    const HammingKernels& kernels;
};

std::vector<NamedKernels> all_kernels() {
    return {
#if defined(__x86_64__)
        {"avx512", cpu_has_avx512(), kHammingAvx512},
        {"avx2", cpu_has_avx2(), kHammingAvx2},
#elif defined(__aarch64__)
        {"neon", true, kHammingNeon},
#endif
        {"portable", true, kHammingPortable},
    };
}

// Bits in which two runs of n_bytes bytes differ, those of `a` lying a_step apart; one by one.
int differing_bits(const uint8_t* a, size_t a_step, const uint8_t* b, int n_bytes) {
    int bits = 0;
    for (int byte = 0; byte < n_bytes; ++byte)
        for (int bit = 0; bit < 8; ++bit) bits += ((a[static_cast<size_t>(byte) * a_step] ^ b[byte]) >> bit) & 1;
    return bits;
}

// One round of filter1 and filter4; returns how many codes were compared.
long long check_filters(const NamedKernels& tested, long long round) {
    const int n_planes = between(1, kMaxPlanes);
    const size_t n_blocks = static_cast<size_t>(between(0, 33));
    const size_t stride = static_cast<size_t>(between(n_planes, kMaxPlanes)) * kBlockCodes;
    Bytes planes(n_blocks * stride);
    std::vector<Bytes> queries;
    const uint8_t* pointers[kFilterQueries];
    for (int q = 0; q < kFilterQueries; ++q) queries.emplace_back(static_cast<size_t>(n_planes));
    for (int q = 0; q < kFilterQueries; ++q) pointers[q] = queries[static_cast<size_t>(q)].data();
    const int radius =
        one_of({0, 1, 8 * n_planes - 1, 8 * n_planes, 255, between(0, 255), between(3 * n_planes, 5 * n_planes)});
    // A code at the radius to the bit, in some place: the query with that many bits flipped.
    if (n_blocks > 0 && radius <= 8 * n_planes) {
        uint8_t* block = planes.data() + static_cast<size_t>(between(0, static_cast<int>(n_blocks) - 1)) * stride;
        const int code = between(0, kBlockCodes - 1);
        for (int p = 0; p < n_planes; ++p) block[p * kBlockCodes + code] = pointers[0][p];
        for (int bit = 0; bit < radius; ++bit)
            block[bit / 8 * kBlockCodes + code] ^= static_cast<uint8_t>(1 << bit % 8);
    }

    std::vector<uint64_t> four(n_blocks * kFilterQueries), one(n_blocks);
    tested.kernels.filter4(planes.data(), stride, n_blocks, n_planes, pointers, radius, four.data());
    for (int q = 0; q < kFilterQueries; ++q) {
        tested.kernels.filter1(planes.data(), stride, n_blocks, n_planes, pointers[q], radius, one.data());
        for (size_t block = 0; block < n_blocks; ++block) {
            uint64_t expected = 0;
            for (int code = 0; code < kBlockCodes; ++code) {
                const int distance =
                    differing_bits(planes.data() + block * stride + code, kBlockCodes, pointers[q], n_planes);
                expected |= static_cast<uint64_t>(distance <= radius) << code;
            }
            if (four[block * kFilterQueries + static_cast<size_t>(q)] != expected) fail(tested.name, "filter4", round);
            if (one[block] != expected) fail(tested.name, "filter1", round);
        }
    }
    return static_cast<long long>(n_blocks) * kBlockCodes * kFilterQueries * 2;
}

long long check_distances(const NamedKernels& tested, long long round) {
    const int n_bytes = between(1, 64);
    const size_t n = static_cast<size_t>(between(0, 70));
    Bytes codes(n * static_cast<size_t>(n_bytes)), query(static_cast<size_t>(n_bytes));
    std::vector<uint16_t> found(n);
    tested.kernels.distances(codes.data(), n, n_bytes, query.data(), found.data());
    for (size_t i = 0; i < n; ++i)
        if (found[i] != differing_bits(codes.data() + i * static_cast<size_t>(n_bytes), 1, query.data(), n_bytes))
            fail(tested.name, "distances", round);
    return static_cast<long long>(n);
}

int bits_set(int sketch) {
    int bits = 0;
    for (int bit = 0; bit < 16; ++bit) bits += (sketch >> bit) & 1;
    return bits;
}

long long check_near_pairs(const NamedKernels& tested, long long round) {
    // Many queries and some postings, as a walk asks; or one query and many postings, as a probe does.
    const bool is_probe = between(0, 15) == 0;
    const size_t n_queries = static_cast<size_t>(is_probe ? 1 : between(0, 64));
    const size_t n_postings = static_cast<size_t>(is_probe ? between(4000, 4096) : between(0, 256));
    const int limit = between(-2, 17);
    // What lies behind the postings is read but not reported, however near it is.
    std::vector<uint16_t> queries(n_queries), postings(n_postings + 63);
    const bool crowded = between(0, 3) == 0;
    for (uint16_t& sketch : queries) sketch = static_cast<uint16_t>(crowded ? 0x00ff : g_random());
    for (uint16_t& sketch : postings) sketch = static_cast<uint16_t>(crowded ? 0x00fe : g_random());
    std::vector<NearPair> pairs(n_queries * n_postings);
    pairs.resize(
        tested.kernels.near_pairs(queries.data(), n_queries, postings.data(), n_postings, limit, pairs.data()));

    std::vector<std::pair<uint32_t, uint32_t>> found, expected;
    for (const NearPair& pair : pairs) found.emplace_back(pair.query, pair.posting);
    std::sort(found.begin(), found.end());
    for (uint32_t q = 0; q < n_queries; ++q)
        for (uint32_t p = 0; p < n_postings; ++p) {
            if (bits_set(queries[q] ^ postings[p]) <= limit) expected.emplace_back(q, p);
        }
    if (found != expected) fail(tested.name, "near_pairs", round);
    return static_cast<long long>(n_queries * n_postings);
}

// Probes scattered over one array, whose runs begin and end anywhere in a cache line.
long long check_near_probes(const NamedKernels& tested, long long round) {
    constexpr int kLineSketches = 32, kLines = 20;
    struct alignas(64) Line {
        uint16_t sketches[kLineSketches];
    };
    std::vector<Line> lines(kLines + 2);  // what follows a run is read, too
    uint16_t* sketches = lines[0].sketches;
    const bool crowded = between(0, 3) == 0;
    for (int i = 0; i < (kLines + 2) * kLineSketches; ++i)
        sketches[i] = static_cast<uint16_t>(crowded ? 0x00fe : g_random());
    const size_t n_probes = static_cast<size_t>(between(0, 40)), n_next = static_cast<size_t>(between(0, 3));
    std::vector<SketchProbe> probes;
    size_t n_compared = 0, room = 0;
    for (size_t i = 0; i < n_probes + n_next; ++i) {
        const int first = between(0, kLines * kLineSketches - 1);
        const int count = between(1, std::min(one_of({3, 40, 300}), kLines * kLineSketches - first));
        probes.push_back({sketches + first, static_cast<uint32_t>(count),
                          static_cast<uint16_t>(crowded ? 0x00ff : g_random()), static_cast<int16_t>(between(0, 32))});
        if (i < n_probes) room += static_cast<size_t>(count);
    }
    std::vector<NearPair> pairs(room);
    pairs.resize(tested.kernels.near_probes(probes.data(), n_probes, n_next, pairs.data()));

    std::vector<std::pair<uint32_t, uint32_t>> found, expected;
    for (const NearPair& pair : pairs) found.emplace_back(pair.query, pair.posting);
    std::sort(found.begin(), found.end());
    for (uint32_t i = 0; i < n_probes; ++i)
        for (uint32_t j = 0; j < probes[i].count; ++j, ++n_compared)
            if (bits_set(probes[i].sketch ^ probes[i].sketches[j]) <= probes[i].limit) expected.emplace_back(i, j);
    if (found != expected) fail(tested.name, "near_probes", round);
    return static_cast<long long>(n_compared);
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 1000;
    for (const NamedKernels& tested : all_kernels()) {
        if (!tested.runs_here) {
            std::printf("%s: not run, this CPU lacks the instructions\n", tested.name);
            continue;
        }
        long long filtered = 0, compared = 0, sketched = 0;
        for (long long round = 0; round < rounds; ++round) {
            filtered += check_filters(tested, round);
            compared += check_distances(tested, round);
            sketched += check_near_pairs(tested, round) + check_near_probes(tested, round);
        }
        std::printf("%s: %lld codes filtered, %lld compared whole, %lld pairs of sketches: all right\n", tested.name,
                    filtered, compared, sketched);
        if (filtered == 0 || compared == 0 || sketched == 0) return 1;  // a test that tested nothing
    }
    return 0;
}
