// A walk over all keys of a table, on several threads and within a budget.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "hamming/cost_model.h"
#include "hamming/parallel.h"
#include "hamming/substrings.h"
#include "hamming/tables.h"
#include "hamming/verifier.h"
#include "kernels/dispatch.h"

namespace hashmatch {

// Time that a walk may take before a scan is cheaper, shared by its threads. Codes crowded into few buckets
// exhaust it, and so does a damaged directory, whose buckets may all claim to hold everything.
class Budget {
  public:
    explicit Budget(double ns) : left_ns_(static_cast<int64_t>(ns)) {}

    void spend(double ns) { left_ns_.fetch_sub(static_cast<int64_t>(ns), std::memory_order_relaxed); }
    void exhaust() { left_ns_.store(-1, std::memory_order_relaxed); }
    bool is_exhausted() const { return left_ns_.load(std::memory_order_relaxed) < 0; }

  private:
    std::atomic<int64_t> left_ns_;
};

// Contiguous sketches, of a bucket or of sorted queries.
struct Sketches {
    const uint16_t* first;
    const uint8_t* second;  // null if the tables have none

    Sketches from(uint32_t i) const { return {first + i, second ? second + i : nullptr}; }
};

inline Sketches bucket_sketches(const Tables& tables, int substring, Tables::Bucket bucket) {
    return {tables.sketches_at(substring, bucket.begin), tables.sketches2_at(substring, bucket.begin)};
}

// Test of whether the sketches of two codes that differ in `flips` bits of one substring allow them to be near.
class SketchTest {
  public:
    SketchTest(const int* thresholds, int n_substrings, int substring, int flips)
        : first_limit_(sketch_limit(thresholds, n_substrings, substring, flips)),
          second_limit_(second_sketch_limit(thresholds, n_substrings, substring, first_limit_)) {}

    // Bits in which first sketches may differ; negative if no sketches pass.
    int first_limit() const { return first_limit_; }

    // Keeps, of n pairs within the first limit, those whose second sketches pass as well, or all if there are
    // none; returns their number. Branch-free, as a branch would often mispredict.
    size_t filter(const Sketches& queries, const Sketches& postings, NearPair* pairs, size_t n) const {
        if (!queries.second || !postings.second) return n;
        size_t kept = 0;
        for (size_t i = 0; i < n; ++i) {
            const NearPair pair = pairs[i];
            const unsigned first = static_cast<unsigned>(queries.first[pair.query] ^ postings.first[pair.posting]);
            const unsigned second = static_cast<unsigned>(queries.second[pair.query] ^ postings.second[pair.posting]);
            pairs[kept] = pair;
            kept += count_bits(first) + kBitCounts.of[second] <= second_limit_;
        }
        return kept;
    }

  private:
    const int first_limit_;
    const int second_limit_;  // for both sketches together
};

// Compares the sketches of buckets on one thread, within the budget.
class SketchComparer {
  public:
    explicit SketchComparer(Budget& budget)
        : ops_(active_kernel().hamming), budget_(budget), pairs_(kChunkQueries * kChunkPostings) {}
    ~SketchComparer() { budget_.spend(ns_); }

    // Calls near(i, j) for each pair of sketches that passes `test`. Once the budget is exhausted, pairs are left
    // out, in this call and in later ones.
    template <class Near>
    void for_near_pairs(const Sketches& queries, uint32_t n_queries, const Sketches& postings, uint32_t n_postings,
                        const SketchTest& test, const Near& near) {
        if (is_exhausted_) return;
        for (uint32_t i = 0; i < n_queries; i += kChunkQueries)
            for (uint32_t j = 0; j < n_postings; j += kChunkPostings) {
                const uint32_t n_some = std::min(kChunkQueries, n_queries - i);
                const uint32_t n_others = std::min(kChunkPostings, n_postings - j);
                size_t found = ops_.near_pairs(queries.first + i, n_some, postings.first + j, n_others,
                                               test.first_limit(), pairs_.data());
                found = test.filter(queries.from(i), postings.from(j), pairs_.data(), found);
                if (!is_within_budget(static_cast<double>(n_some) * n_others, static_cast<double>(found))) return;
                for (size_t pair = 0; pair < found; ++pair) near(i + pairs_[pair].query, j + pairs_[pair].posting);
            }
    }

  private:
    // Sketches compared in one call, so that the pairs fit in a small buffer.
    static constexpr uint32_t kChunkQueries = 64, kChunkPostings = 256;
    // Work of a thread between two updates of the shared budget.
    static constexpr double kChargeNs = 1e6;

    bool is_within_budget(double n_compared, double n_verified) {
        ns_ += n_compared * kSketchNs + n_verified * kVerifyNs;
        if (ns_ > kChargeNs) {
            budget_.spend(ns_);
            ns_ = 0;
            is_exhausted_ = budget_.is_exhausted();
        }
        return !is_exhausted_;
    }

    const HammingOps& ops_;
    Budget& budget_;
    std::vector<NearPair> pairs_;
    double ns_ = 0;  // spent, and not yet charged to the budget
    bool is_exhausted_ = false;
};

// Calls walk(thread, comparer, keys) for consecutive ranges of all keys. Returns false if the budget was
// exhausted and some were left out.
template <class Walk>
bool walk_keys(const SubstringLayout& layout, int threads, Budget& budget, const Walk& walk) {
    constexpr int64_t kWalkKeys = 4096;
    parallel_for(layout.n_keys(), kWalkKeys, threads, [&](int thread, Ranges& ranges) {
        SketchComparer comparer(budget);
        while (!budget.is_exhausted()) {
            const std::optional<Range> keys = ranges.take();
            if (!keys) break;
            walk(thread, comparer, *keys);
        }
    });
    return !budget.is_exhausted();
}

}  // namespace hashmatch
