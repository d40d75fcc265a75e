#include "hamming/cost_model.h"

#include <algorithm>
#include <cmath>

#include "kernels/hamming_ops.h"

namespace hashmatch {
namespace {

constexpr double kQueryNs = 150;              // take up a query and order its result
constexpr double kSubstringNs = 35;           // cut one substring of a query and prepare its look-ups
constexpr double kSecondSketchNs = 8;         // reach and compare a second sketch
constexpr double kBatchProbeNs = 3;           // look up one key in a walk shared by many queries
constexpr double kBatchBucketNs = 20;         // compare the queries of one key with one bucket, whatever their number
constexpr double kWalkNs = 2.5;               // pass one key and one of its neighbours in a shared walk
constexpr double kFilterByteNs = 0.0115;      // filter one byte of one code, four queries at a time
constexpr double kFilterPassNs = 6.9;         // check one code that passed the filter
constexpr double kWholeCodeNs = 0.69;         // compare one whole code, without a filter
constexpr double kWholeByteNs = 0.046;        // and each byte of it
constexpr double kLoneScan = 0.02 / 0.0115;   // relative cost of scanning for a single query, from the cache
constexpr double kWorthwhileByteNs = 0.0045;  // see worthwhile_probe_ns()

constexpr int kMaxBits = 8 * kMaxPlanes;  // of a filter; substrings are narrower

// keys[t]: how many keys differ from a key in at most t bits; chances[t]: their share of all keys.
struct BinomialSums {
    std::vector<double> keys, chances;
};

// Returns the sums for keys of this many bits. Computed once per process, because every index plans each radius
// when it is opened.
const BinomialSums& binomial_sums(int bits) {
    static const std::vector<BinomialSums> by_bits = [] {
        std::vector<BinomialSums> tables(kMaxBits + 1);
        for (int n = 0; n <= kMaxBits; ++n) {
            double term = 1, sum = 0;
            for (int flips = 0; flips <= n; ++flips) {
                sum += term;
                term *= static_cast<double>(n - flips) / (flips + 1);
                tables[n].keys.push_back(sum);
                tables[n].chances.push_back(std::ldexp(sum, -n));
            }
        }
        return tables;
    }();
    return by_bits[bits];
}

// Probability that `bits` fair bits hold at most `limit` ones.
double chance_within(int bits, int limit) { return limit < 0 ? 0 : binomial_sums(bits).chances[std::min(bits, limit)]; }

// Probability that both sketches together are near enough in a chain that still allows `limit` bits, and `more` in
// its third link.
double chance_both_near(int sketch_bits, int limit, int more) {
    double chance = 0;
    for (int differing = 0; differing <= std::min(limit, sketch_bits); ++differing)
        chance += (chance_within(sketch_bits, differing) - chance_within(sketch_bits, differing - 1)) *
                  chance_within(kSecondSketchBits, limit - differing + more);
    return chance;
}

}  // namespace

double scan_code_ns(int n_bytes, int n_planes, int radius) {
    if (n_planes == 0) return kWholeCodeNs + kWholeByteNs * n_bytes;
    return kFilterByteNs * n_planes + kFilterPassNs * chance_within(8 * n_planes, radius);
}

Cost scan_cost(double code_ns, int64_t n, bool is_batch) {
    Cost cost;
    cost.candidates = static_cast<double>(n);
    cost.ns = kQueryNs + cost.candidates * code_ns * (is_batch ? 1 : kLoneScan);
    return cost;
}

// A scan takes 0.006 ns a byte in a batch, and 0.020 for a lone query, which waits for memory. If probing finds too
// little, that much is lost on top: this share keeps far queries well below the time of other exhaustive searches,
// and still covers radii up to half as large again as the default one.
double worthwhile_probe_ns(int n_bytes, int64_t n) { return static_cast<double>(n) * n_bytes * kWorthwhileByteNs; }

Cost probe_cost(const SubstringLayout& layout, const std::vector<int>& thresholds, int n_sketches, int64_t n) {
    Cost cost;
    const double bucket = static_cast<double>(n) / static_cast<double>(layout.n_keys());
    const int sketch_bits = std::min(kSketchBits, layout.substring_bits);
    const std::vector<double>& keys_up_to = binomial_sums(layout.substring_bits).keys;
    const std::vector<double>& chances = binomial_sums(sketch_bits).chances;
    for (size_t i = 0; i < thresholds.size(); ++i) {
        const size_t second = i + 1 < thresholds.size() ? i + 1 : 0;
        const size_t third = second + 1 < thresholds.size() ? second + 1 : 0;
        const int limit = thresholds[i] + thresholds[second] + 1;
        const int more = thresholds[third] + 1;
        for (int flips = 0; flips <= thresholds[i]; ++flips) {
            const double keys = keys_up_to[flips] - (flips > 0 ? keys_up_to[flips - 1] : 0);
            const double candidates = keys * bucket;
            cost.probes += keys;
            cost.candidates += candidates;
            const double near = chances[std::min(sketch_bits, limit - flips)];
            cost.near += candidates * near;
            cost.verified += candidates * (n_sketches == 1 ? near : chance_both_near(sketch_bits, limit - flips, more));
        }
    }
    cost.ns = kQueryNs + static_cast<double>(thresholds.size()) * kSubstringNs + cost.probes * kProbeNs +
              cost.candidates * kSketchNs + (n_sketches > 1 ? cost.near * kSecondSketchNs : 0) +
              cost.verified * kVerifyNs;
    return cost;
}

Cost batch_probe_cost(const SubstringLayout& layout, const Cost& probe, int64_t n_queries) {
    Cost cost = probe;
    const double n_keys = static_cast<double>(layout.n_keys());
    const double queries_per_key = static_cast<double>(std::max<int64_t>(n_queries, 1)) / n_keys;
    // Buckets reached, divided among the queries that reach them.
    const double buckets = cost.probes * -std::expm1(-queries_per_key) / queries_per_key;
    cost.ns +=
        cost.probes * (kBatchProbeNs - kProbeNs) + buckets * kBatchBucketNs + kWalkNs * cost.probes / queries_per_key;
    return cost;
}

}  // namespace hashmatch
