// Thresholds of substrings against enumeration of all of them. Prints the amount of work; exits non-zero at the
// first difference. Built and run by csrc/tests/run.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "hamming/cost_model.h"
#include "hamming/thresholds.h"
#include "tests/small_index.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

// Least cost over all choices of one entry from each of n rows, with places that sum to `total`.
double enumerate_least(const std::vector<double>& costs, int n, int n_choices, int total) {
    if (n == 0) return total == 0 ? 0 : HUGE_VAL;
    double least = HUGE_VAL;
    for (int place = 0; place < std::min(n_choices, total + 1); ++place)
        least = std::min(least,
                         enumerate_least(costs, n - 1, n_choices, total - place) + costs[(n - 1) * n_choices + place]);
    return least;
}

void check_minimum(long long round) {
    const int n = between(1, 5), n_choices = between(1, 5), total = between(0, n * n_choices);
    std::vector<double> costs(n * n_choices);
    for (double& cost : costs) cost = choose({0, 1, between(0, 1000)});  // small integers: sums are exact
    const double expected = enumerate_least(costs, n, n_choices, total);
    std::vector<int> thresholds(n, 99);
    check(find_cheapest_thresholds(costs, n, total, thresholds.data()) == expected, "thresholds", "a minimum", round);
    if (expected == HUGE_VAL) return;
    double cost = 0;
    int sum = 0;
    for (int i = 0; i < n; ++i) {
        check(thresholds[i] >= -1 && thresholds[i] + 1 < n_choices, "thresholds", "a range", round);
        cost += costs[i * n_choices + thresholds[i] + 1];
        sum += thresholds[i] + 1;
    }
    check(cost == expected && sum == total, "thresholds", "the choice of a minimum", round);
}

void check_spread(long long round) {
    const int bits = between(kMinSubstringBits, kMaxSubstringBits), n = between(1, 512 / bits);
    const int radius = between(0, 512);
    const std::vector<int> thresholds = spread_thresholds({n, bits, 512}, radius);
    if (thresholds.empty()) {  // some threshold would be too large, however the sum is spread
        check(radius - n + 1 > n * kMaxThreshold, "thresholds", "a refusal", round);
        return;
    }
    const auto [low, high] = std::minmax_element(thresholds.begin(), thresholds.end());
    const int sum = std::accumulate(thresholds.begin(), thresholds.end(), 0);
    check(std::ssize(thresholds) == n && sum == radius - n + 1, "thresholds", "a sum", round);
    check(*low >= -1 && *high <= kMaxThreshold && *high - *low <= 1, "thresholds", "an even spread", round);
}

// A query near a crowd of codes gets thresholds with the same sum that meet fewer sketches, or keeps its own.
// Returns whether it got others.
bool check_allocation(long long round) {
    constexpr int kCodes = 20000, kBytes = 32;
    const SubstringLayout layout{16, 10, 8 * kBytes};
    Bytes rows(kCodes * kBytes);
    Bytes crowd(kBytes);
    const int n_crowded = choose({0, 2000, 15000}), n_shared_bytes = between(4, kBytes);
    for (int row = 0; row < n_crowded; ++row) std::copy_n(crowd.data(), n_shared_bytes, rows.data() + row * kBytes);
    const Codes codes{rows.data(), nullptr, nullptr, kCodes, kBytes, 0};
    TableVectors vectors(layout, kCodes, false);
    build_tables(codes, layout, 1, vectors.spans());
    const Tables tables(layout, kCodes, vectors.const_spans());
    const int radius = between(15, 31);
    const std::vector<int> usual = spread_thresholds(layout, radius);
    std::vector<int> thresholds = usual;
    uint32_t keys[kMaxSubstrings];
    tables.cutter.keys(crowd.data(), keys);
    const bool is_allocated = allocate_thresholds(tables, radius, keys, thresholds.data());
    if (!is_allocated) {
        check(thresholds == usual, "thresholds", "unchanged thresholds", round);
        return false;
    }
    // The true work: all buckets are counted, also those that the allocation only estimates.
    const auto work_ns = [&](const std::vector<int>& chosen) {
        double ns = 0;
        for (int i = 0; i < layout.n_substrings; ++i)
            for (const auto* flip = tables.ball.begin(); flip < tables.ball.end(chosen[i]); ++flip)
                ns += kProbeNs + kSketchNs * tables.bucket(i, keys[i] ^ flip->mask).size();
        return ns;
    };
    check(std::accumulate(thresholds.begin(), thresholds.end(), 0) == radius - layout.n_substrings + 1, "thresholds",
          "an allocated sum", round);
    for (const int threshold : thresholds)
        check(threshold >= -1 && threshold <= kMaxThreshold, "thresholds", "an allocated range", round);
    const bool is_counted = *std::max_element(thresholds.begin(), thresholds.end()) <= 1;
    if (is_counted) check(work_ns(thresholds) < work_ns(usual), "thresholds", "less work", round);
    return true;
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 30;
    long long n_allocated = 0;
    for (long long round = 0; round < rounds; ++round) {
        for (int i = 0; i < 30; ++i) check_minimum(round);
        for (int i = 0; i < 30; ++i) check_spread(round);
        n_allocated += check_allocation(round);
    }
    std::printf("%lld rounds, %lld allocations: all right\n", rounds, n_allocated);
    return rounds < 30 || n_allocated > 0 ? 0 : 1;
}
