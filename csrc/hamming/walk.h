// Walking a table key by key, on several threads, within a budget.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "hamming/parts.h"
#include "hamming/plan.h"
#include "hamming/threads.h"
#include "hamming/verifier.h"
#include "kernels/dispatch.h"

namespace hashmatch {

// What a walk may cost before comparing every code is cheaper, shared by its threads. Codes crowded into
// few buckets spend it, and so does a damaged directory, whose buckets may all claim to hold everything.
class Budget {
  public:
    explicit Budget(double ns) : left_ns_(static_cast<int64_t>(ns)) {}

    void spend(double ns) { left_ns_.fetch_sub(static_cast<int64_t>(ns), std::memory_order_relaxed); }
    bool is_spent() const { return left_ns_.load(std::memory_order_relaxed) < 0; }

  private:
    std::atomic<int64_t> left_ns_;
};

// Sketches that lie in a row: those of a bucket, or of sorted queries.
struct Sketches {
    const uint16_t* first;
    const uint8_t* second;  // null where the tables have none

    Sketches from(uint32_t i) const { return {first + i, second ? second + i : nullptr}; }
};

// Whether the sketches of two codes that differ in so many bits of one part allow them to be near.
class SketchTest {
  public:
    SketchTest(const int* thresholds, int n_parts, int part, int flips)
        : first_limit_(sketch_limit(thresholds, n_parts, part, flips)),
          second_limit_(second_sketch_limit(thresholds, n_parts, part, first_limit_)) {}

    // Bits in which first sketches may differ; negative where none are near enough.
    int first_limit() const { return first_limit_; }

    // Of n pairs that are within the first limit keeps those whose second sketches are near enough, too, all
    // where there are none; returns how many. Without a branch, for nobody can guess which.
    size_t keep(const Sketches& queries, const Sketches& postings, NearPair* pairs, size_t n) const {
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
    const int second_limit_;  // of both sketches together
};

// Compares the sketches of buckets, on one thread, while the budget lasts.
class SketchComparer {
  public:
    explicit SketchComparer(Budget& budget)
        : kernel_(*active_kernel().hamming), budget_(budget), pairs_(kChunkQueries * kChunkPostings) {}
    ~SketchComparer() { budget_.spend(ns_); }

    // Calls near(i, j) for each pair of sketches that passes `test`, which says how near the first sketches must
    // be, and then keeps pairs by the second ones; some are left out, here and in later calls, once the budget
    // is spent.
    template <class Near>
    void for_near_pairs(const Sketches& queries, uint32_t n_queries, const Sketches& postings, uint32_t n_postings,
                        const SketchTest& test, const Near& near) {
        if (is_spent_) return;
        for (uint32_t i = 0; i < n_queries; i += kChunkQueries)
            for (uint32_t j = 0; j < n_postings; j += kChunkPostings) {
                const uint32_t n_some = std::min(kChunkQueries, n_queries - i);
                const uint32_t n_others = std::min(kChunkPostings, n_postings - j);
                size_t found = kernel_.near_pairs(queries.first + i, n_some, postings.first + j, n_others,
                                                  test.first_limit(), pairs_.data());
                found = test.keep(queries.from(i), postings.from(j), pairs_.data(), found);
                if (!is_within_budget(static_cast<double>(n_some) * n_others, static_cast<double>(found))) return;
                for (size_t pair = 0; pair < found; ++pair) near(i + pairs_[pair].query, j + pairs_[pair].posting);
            }
    }

  private:
    // Sketches compared in one call, so that the pairs found fit a small buffer.
    static constexpr uint32_t kChunkQueries = 64, kChunkPostings = 256;
    // Work that a thread does before it tells the others of it.
    static constexpr double kChargeNs = 1e6;

    bool is_within_budget(double n_compared, double n_verified) {
        ns_ += n_compared * kSketchNs + n_verified * kVerifyNs;
        if (ns_ > kChargeNs) {
            budget_.spend(ns_);
            ns_ = 0;
            is_spent_ = budget_.is_spent();
        }
        return !is_spent_;
    }

    const HammingKernels& kernel_;
    Budget& budget_;
    std::vector<NearPair> pairs_;
    double ns_ = 0;  // spent, and not told yet
    bool is_spent_ = false;
};

// Calls walk(thread, comparer, first_key, last_key) over all keys, threads taking runs of keys in turn;
// false where the budget was spent, and some were left out.
template <class Walk>
bool walk_keys(const PartLayout& layout, int threads, Budget& budget, const Walk& walk) {
    constexpr int64_t kWalkKeys = 4096;  // that a thread takes at a time
    std::atomic<int64_t> next{0};
    run_threads(threads, [&](int thread) {
        SketchComparer comparer(budget);
        for (int64_t key; !budget.is_spent() && (key = next.fetch_add(kWalkKeys)) < layout.n_keys();)
            walk(thread, comparer, key, std::min(key + kWalkKeys, layout.n_keys()));
    });
    return !budget.is_spent();
}

}  // namespace hashmatch
