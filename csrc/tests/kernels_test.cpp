// Every kernel that this CPU runs against naive loops, on random and extreme input: Hamming and grey arithmetic.
// (The arithmetic of PDQ is in pdq_test.cpp.) Prints the amount of work; exits non-zero at the first
// difference. Built and run by csrc/tests/run.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "kernels/dispatch.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

// Counts, bit by bit, the differences between two runs of n_bytes bytes, those of `a` being a_step apart.
int count_differing_bits(const uint8_t* a, size_t a_step, const uint8_t* b, int n_bytes) {
    int bits = 0;
    for (int byte = 0; byte < n_bytes; ++byte)
        for (int bit = 0; bit < 8; ++bit) bits += ((a[byte * a_step] ^ b[byte]) >> bit) & 1;
    return bits;
}

// One round of filter1 and filter4. Returns the number of codes compared.
long long check_filters(const Kernel& kernel, long long round) {
    const int n_planes = between(1, kMaxPlanes);
    const size_t n_blocks = between(0, 33);
    const size_t stride = between(n_planes, kMaxPlanes) * kBlockCodes;
    Bytes planes(n_blocks * stride);
    std::vector<Bytes> queries;
    const uint8_t* pointers[kFilterQueries];
    for (int q = 0; q < kFilterQueries; ++q) queries.emplace_back(n_planes);
    for (int q = 0; q < kFilterQueries; ++q) pointers[q] = queries[q].data();
    const int radius =
        choose({0, 1, 8 * n_planes - 1, 8 * n_planes, 255, between(0, 255), between(3 * n_planes, 5 * n_planes)});
    // Plants a code exactly at the radius: the query with that many bits flipped.
    if (n_blocks > 0 && radius <= 8 * n_planes) {
        uint8_t* block = planes.data() + between(0, static_cast<int>(n_blocks) - 1) * stride;
        const int code = between(0, kBlockCodes - 1);
        for (int p = 0; p < n_planes; ++p) block[p * kBlockCodes + code] = pointers[0][p];
        for (int bit = 0; bit < radius; ++bit)
            block[bit / 8 * kBlockCodes + code] ^= static_cast<uint8_t>(1 << bit % 8);
    }

    std::vector<uint64_t> four(n_blocks * kFilterQueries), one(n_blocks);
    kernel.hamming.filter4(planes.data(), stride, n_blocks, n_planes, pointers, radius, four.data());
    for (int q = 0; q < kFilterQueries; ++q) {
        kernel.hamming.filter1(planes.data(), stride, n_blocks, n_planes, pointers[q], radius, one.data());
        for (size_t block = 0; block < n_blocks; ++block) {
            uint64_t expected = 0;
            for (int code = 0; code < kBlockCodes; ++code) {
                const int distance =
                    count_differing_bits(planes.data() + block * stride + code, kBlockCodes, pointers[q], n_planes);
                expected |= static_cast<uint64_t>(distance <= radius) << code;
            }
            if (four[block * kFilterQueries + q] != expected) fail(kernel.name, "filter4", round);
            if (one[block] != expected) fail(kernel.name, "filter1", round);
        }
    }
    return static_cast<long long>(n_blocks) * kBlockCodes * kFilterQueries * 2;
}

// One round of near_codes. Returns the number of codes compared.
long long check_near_codes(const Kernel& kernel, long long round) {
    const int n = between(0, 200), n_bytes = between(0, 2) ? choose({8, 16, 32, 64}) : between(1, 64);
    const Bytes codes(static_cast<size_t>(n * n_bytes)), query(static_cast<size_t>(n_bytes));
    const int limit = std::max(0, between(0, 1) ? 4 * n_bytes + between(-8, 8) : between(0, 8 * n_bytes));
    std::vector<uint64_t> masks((n + 63) / 64, ~uint64_t{0});
    kernel.hamming.near_codes(codes.data(), n, n_bytes, query.data(), limit, masks.data());
    for (int i = 0; i < 64 * static_cast<int>(masks.size()); ++i) {
        const bool expected =
            i < n && count_differing_bits(codes.data() + i * n_bytes, 1, query.data(), n_bytes) <= limit;
        if ((masks[i / 64] >> (i % 64) & 1) != expected) fail(kernel.name, "near_codes", round);
    }
    return n;
}

long long check_distances(const Kernel& kernel, long long round) {
    const int n_bytes = between(1, 64);
    const size_t n = between(0, 70);
    Bytes codes(n * n_bytes), query(n_bytes);
    std::vector<uint16_t> found(n);
    kernel.hamming.distances(codes.data(), n, n_bytes, query.data(), found.data());
    for (size_t i = 0; i < n; ++i)
        if (found[i] != count_differing_bits(codes.data() + i * n_bytes, 1, query.data(), n_bytes))
            fail(kernel.name, "distances", round);
    return static_cast<long long>(n);
}

int count_ones(int sketch) {
    int bits = 0;
    for (int bit = 0; bit < 16; ++bit) bits += (sketch >> bit) & 1;
    return bits;
}

long long check_near_pairs(const Kernel& kernel, long long round) {
    // Many queries and some postings, as in a walk, or one query and many postings, as in a probe.
    const bool is_probe = between(0, 15) == 0;
    const size_t n_queries = is_probe ? 1 : between(0, 64);
    const size_t n_postings = is_probe ? between(4000, 4096) : between(0, 256);
    const int limit = between(-2, 17);
    // Sketches past the postings are read but not reported, however near.
    std::vector<uint16_t> queries(n_queries), postings(n_postings + 63);
    const bool crowded = between(0, 3) == 0;
    for (uint16_t& sketch : queries) sketch = static_cast<uint16_t>(crowded ? 0x00ff : g_random());
    for (uint16_t& sketch : postings) sketch = static_cast<uint16_t>(crowded ? 0x00fe : g_random());
    std::vector<NearPair> pairs(n_queries * n_postings);
    pairs.resize(
        kernel.hamming.near_pairs(queries.data(), n_queries, postings.data(), n_postings, limit, pairs.data()));

    std::vector<std::pair<uint32_t, uint32_t>> found, expected;
    for (const NearPair& pair : pairs) found.emplace_back(pair.query, pair.posting);
    std::sort(found.begin(), found.end());
    for (uint32_t q = 0; q < n_queries; ++q)
        for (uint32_t p = 0; p < n_postings; ++p) {
            if (count_ones(queries[q] ^ postings[p]) <= limit) expected.emplace_back(q, p);
        }
    if (found != expected) fail(kernel.name, "near_pairs", round);
    return static_cast<long long>(n_queries * n_postings);
}

// Probes scattered over one array, whose runs begin and end anywhere in a cache line.
long long check_near_probes(const Kernel& kernel, long long round) {
    constexpr int kLine = kLineSketches, kLines = 20;
    struct alignas(64) Line {
        uint16_t sketches[kLineSketches];
    };
    std::vector<Line> lines(kLines + 2);  // sketches past a run are read as well
    uint16_t* sketches = lines[0].sketches;
    const bool crowded = between(0, 3) == 0;
    for (int i = 0; i < (kLines + 2) * kLine; ++i) sketches[i] = static_cast<uint16_t>(crowded ? 0x00fe : g_random());
    const size_t n_probes = between(0, 40), n_next = between(0, 3);
    std::vector<SketchProbe> probes;
    size_t n_compared = 0, room = 0;
    for (size_t i = 0; i < n_probes + n_next; ++i) {
        const int first = between(0, kLines * kLine - 1);
        const int count = between(1, std::min(choose({3, 40, 300}), kLines * kLine - first));
        probes.push_back({sketches + first, static_cast<uint32_t>(count),
                          static_cast<uint16_t>(crowded ? 0x00ff : g_random()), static_cast<int16_t>(between(0, 32))});
        if (i < n_probes) room += count;
    }
    std::vector<NearPair> pairs(room);
    pairs.resize(kernel.hamming.near_probes(probes.data(), n_probes, n_next, pairs.data()));

    std::vector<std::pair<uint32_t, uint32_t>> found, expected;
    for (const NearPair& pair : pairs) found.emplace_back(pair.query, pair.posting);
    std::sort(found.begin(), found.end());
    for (uint32_t i = 0; i < n_probes; ++i)
        for (uint32_t j = 0; j < probes[i].count; ++j, ++n_compared)
            if (count_ones(probes[i].sketch ^ probes[i].sketches[j]) <= probes[i].limit) expected.emplace_back(i, j);
    if (found != expected) fail(kernel.name, "near_probes", round);
    return static_cast<long long>(n_compared);
}

// Returns the number of pixels converted.
long long check_grey(const Kernel& kernel, long long round) {
    const int n = choose({0, 1, 31, 32, 33, 34, 65, 66, between(0, 300)});
    Bytes rgb(3 * n);
    std::vector<uint8_t> grey(n);
    kernel.grey.grey_of_rgb(rgb.data(), n, grey.data());
    for (int i = 0; i < n; ++i) {
        const uint8_t* pixel = rgb.data() + 3 * i;
        const int expected = (19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 32768) / 65536;
        if (grey[i] != expected) fail(kernel.name, "grey_of_rgb", round);
    }
    return n;
}

// Weights of 24 bits, as many as a filter of 22 fractional bits can have.
int32_t draw_weight() { return choose({0, 1, -1, between(-(1 << 23), (1 << 23) - 1), between(-3000, 3000)}); }

void check_weigh_row(const Kernel& kernel, long long round) {
    const int width = between(1, 200);
    std::vector<int16_t> values(width + kSpanStep);  // padding is read with a weight of zero
    for (int16_t& value : values) value = static_cast<int16_t>(between(0, 255));
    std::vector<WeightedSpan> spans;
    std::vector<int16_t> high, low;
    std::vector<uint32_t> expected;
    for (int s = between(0, 9); s > 0; --s) {
        const int first = between(0, width - 1), n = between(1, width - first);
        const int n_padded = (n + kSpanStep - 1) / kSpanStep * kSpanStep;
        spans.push_back({first, n_padded, high.size()});
        int64_t sum = 0;
        for (int i = 0; i < n_padded; ++i) {
            const int32_t weight = i < n ? draw_weight() : 0;
            low.push_back(static_cast<int16_t>(weight & 255));
            high.push_back(static_cast<int16_t>((weight - (weight & 255)) / 256));
            if (i < n) sum += int64_t{weight} * values[first + i];
        }
        expected.push_back(static_cast<uint32_t>(sum));
    }
    std::vector<uint32_t> sums(spans.size());
    kernel.grey.weigh_row(values.data(), spans.data(), spans.size(), high.data(), low.data(), sums.data());
    check(sums == expected, kernel.name, "weigh_row", round);
}

void check_weigh_columns(const Kernel& kernel, long long round) {
    const int n = choose({1, 7, 8, 9, 31, 32, 33, 40, between(1, 200)}), n_rows = between(1, 40);
    const int stride = n + between(0, 5);
    Bytes rows(n_rows * stride);
    std::vector<int32_t> weights(n_rows);
    for (int32_t& weight : weights) weight = draw_weight();
    std::vector<uint32_t> sums(n), expected(n);
    for (int c = 0; c < n; ++c) {
        int64_t sum = 0;
        for (int k = 0; k < n_rows; ++k) sum += int64_t{weights[k]} * rows.data()[k * stride + c];
        expected[c] = static_cast<uint32_t>(sum);
    }
    kernel.grey.weigh_columns(rows.data(), stride, weights.data(), n_rows, n, sums.data());
    check(sums == expected, kernel.name, "weigh_columns", round);
}

void check_round_sums(const Kernel& kernel, long long round) {
    std::vector<uint32_t> sums(choose({0, 1, 15, 16, 17, 64, between(0, 200)}));
    for (uint32_t& sum : sums) {
        const int whole = between(-3, 258) << 22;
        sum = choose({static_cast<uint32_t>(g_random() >> 32), static_cast<uint32_t>(whole + (1 << 21)),
                      static_cast<uint32_t>(whole + (1 << 21) - 1)});
    }
    std::vector<uint8_t> bytes(sums.size()), expected;
    for (const uint32_t sum : sums) {
        // (sum + 2^21) modulo 2^32, divided by 2^22 and rounded down.
        const auto shifted = static_cast<int32_t>(sum + (1u << 21));
        const double rounded = std::floor(shifted / 4194304.0);
        expected.push_back(static_cast<uint8_t>(std::clamp(rounded, 0.0, 255.0)));
    }
    kernel.grey.round_sums(sums.data(), sums.size(), bytes.data());
    check(bytes == expected, kernel.name, "round_sums", round);
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 1000;
    for (const Kernel* kernel : all_kernels()) {
        if (!kernel->runs_here()) {
            std::printf("%s: not run, this CPU lacks the instructions\n", kernel->name);
            continue;
        }
        long long filtered = 0, compared = 0, sketched = 0, converted = 0;
        for (long long round = 0; round < rounds; ++round) {
            filtered += check_filters(*kernel, round);
            compared += check_distances(*kernel, round);
            compared += check_near_codes(*kernel, round);
            sketched += check_near_pairs(*kernel, round) + check_near_probes(*kernel, round);
            converted += check_grey(*kernel, round);
            check_weigh_row(*kernel, round);
            check_weigh_columns(*kernel, round);
            check_round_sums(*kernel, round);
        }
        std::printf("%s: %lld codes filtered, %lld compared whole, %lld pairs of sketches, %lld pixels: all right\n",
                    kernel->name, filtered, compared, sketched, converted);
        if (filtered == 0 || compared == 0 || sketched == 0 || converted == 0) return 1;  // compared nothing
    }
    return 0;
}
