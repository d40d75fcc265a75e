#include "hamming/table_join.h"

#include <utility>

#include "hamming/scan.h"
#include "hamming/verifier.h"
#include "hamming/walk.h"

namespace hashmatch {
namespace {

// Compares every bucket of `keys` with the buckets of the keys near its own.
void join_buckets(const Codes& codes, const Tables& tables, const std::vector<int>& thresholds, int substring,
                  const Range& keys, SketchComparer& comparer, Verifier& verifier) {
    const HammingBall::Flip* last_flip = tables.ball.end(thresholds[substring]);
    for (auto key = static_cast<uint32_t>(keys.begin); key < keys.end; ++key) {
        const Tables::Bucket bucket = tables.bucket(substring, key);
        if (bucket.size() == 0) continue;
        for (const HammingBall::Flip* flip = tables.ball.begin(); flip < last_flip; ++flip) {
            if ((key ^ flip->mask) < key) continue;  // the other bucket was compared with this one
            const Tables::Bucket other = tables.bucket(substring, key ^ flip->mask);
            const SketchTest test(thresholds.data(), tables.layout.n_substrings, substring, flip->bits);
            if (other.size() == 0 || test.first_limit() < 0) continue;
            const uint32_t* rows = tables.postings_at(substring, bucket.begin);
            const uint32_t* others = tables.postings_at(substring, other.begin);
            comparer.for_near_pairs(
                bucket_sketches(tables, substring, bucket), bucket.size(), bucket_sketches(tables, substring, other),
                other.size(), test, [&](uint32_t i, uint32_t j) {
                    if (flip->mask == 0 && rows[i] >= others[j]) return;
                    if (rows[i] >= codes.n) return;  // a damaged table
                    verifier.add({codes.code(rows[i]), rows[i], thresholds.data()}, substring, &others[j]);
                });
        }
    }
    verifier.settle();
}

}  // namespace

std::vector<Hits> table_join(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                             int threads) {
    std::vector<Hits> per_thread(threads);
    // Half the cost of a scan for every row, as a scan compares each pair of rows once as well.
    Budget budget(plan.scan_cost.ns / 2 * static_cast<double>(codes.n));
    for (int substring = 0; substring < tables.layout.n_substrings; ++substring) {
        const bool is_complete =
            walk_keys(tables.layout, threads, budget, [&](int thread, SketchComparer& comparer, const Range& keys) {
                Verifier verifier(codes, tables, radius, per_thread[thread]);
                join_buckets(codes, tables, *plan.thresholds, substring, keys, comparer, verifier);
            });
        if (!is_complete) {
            per_thread.clear();  // frees the memory before the scan
            return scan_join(codes, radius, plan.n_filter_planes, threads);
        }
    }
    for (Hits& hits : per_thread)
        for (Hit& hit : hits)
            if (hit.query > hit.id) std::swap(hit.query, hit.id);
    return per_thread;
}

}  // namespace hashmatch
