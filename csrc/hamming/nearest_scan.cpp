#include "hamming/nearest_scan.h"

#include <algorithm>
#include <vector>

#include "hamming/parallel.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

// The codes of a tile stay in the first-level cache while every query of a block passes over them.
constexpr int64_t kTileCodes = 512;
constexpr int64_t kBlockQueries = 64;
// Results wanted at once for the queries of a block, so that those of a large k fit in memory.
constexpr int64_t kBlockResults = int64_t{1} << 20;

// The k nearest candidates so far, among others. Distances are small numbers, so counts of them give the distance of
// the k-th at any time without sorting.
class Nearest {
  public:
    // `ids_rise`: candidates are offered in ascending order of id. No distance is larger than `farthest`.
    Nearest(size_t k, int farthest, bool ids_rise)
        : k_(k), tie_(ids_rise ? 1 : 0), farthest_(farthest), limit_(farthest), counts_(farthest + 1) {}

    // Candidates beyond this distance are too far; others may be as well. Negative if all are.
    int limit() const { return limit_; }

    void offer(const Neighbour& candidate) {
        if (candidate.distance > limit_ || (is_selected_ && !(candidate < candidates_[k_ - 1]))) return;
        if (candidates_.size() == 2 * k_ + kMinPending) select();
        candidates_.push_back(candidate);
        ++counts_[candidate.distance];
        if (++n_within_ < k_) return;
        while (n_within_ - counts_[farthest_] >= k_) n_within_ -= counts_[farthest_--];
        limit_ = farthest_ - tie_;
    }

    // Drops all but the k nearest, at least k of which were offered, and returns them.
    const std::vector<Neighbour>& select() {
        std::erase_if(candidates_, [&](const Neighbour& candidate) { return candidate.distance > farthest_; });
        std::nth_element(candidates_.begin(), candidates_.begin() + (k_ - 1), candidates_.end());
        candidates_.resize(k_);
        counts_[farthest_] -= static_cast<uint32_t>(n_within_ - k_);
        n_within_ = k_;
        is_selected_ = true;
        return candidates_;
    }

  private:
    static constexpr size_t kMinPending = 1024;
    const size_t k_;
    const int tie_;         // what a later candidate must be nearer by than the farthest of the k
    int farthest_, limit_;  // distance of the k-th
    size_t n_within_ = 0;   // candidates up to there
    std::vector<uint32_t> counts_;
    bool is_selected_ = false;  // the first k are those that were nearest when last selected, the farthest of them last
    std::vector<Neighbour> candidates_;
};

// Compares a tile of codes with one query. Few codes pass the limit once some tiles have been seen.
void scan_tile(const Codes& codes, int64_t first, const uint8_t* query, Nearest& nearest) {
    const HammingOps& ops = active_kernel().hamming;
    const int64_t count = std::min(kTileCodes, codes.n - first);
    uint64_t masks[kTileCodes / 64];
    ops.near_codes(codes.code(first), count, codes.n_bytes, query, nearest.limit(), masks);
    for (int64_t block = 0; 64 * block < count; ++block)
        for (uint64_t within = masks[block]; within; within &= within - 1) {
            const int64_t row = first + 64 * block + __builtin_ctzll(within);
            uint16_t distance;
            ops.distances(codes.code(row), 1, codes.n_bytes, query, &distance);
            nearest.offer({distance, codes.id(row)});
        }
}

// Searches all codes for the queries [range.begin, range.end).
void scan_block(const Codes& codes, const uint8_t* queries, const Range& range, int64_t k, Hits& hits) {
    const Nearest none(k, 8 * codes.n_bytes, codes.ids == nullptr);
    std::vector<Nearest> nearest(range.end - range.begin, none);
    bool is_open = true;
    for (int64_t first = 0; first < codes.n && is_open; first += kTileCodes) {
        is_open = false;
        for (int64_t q = range.begin; q < range.end; ++q) {
            Nearest& of_query = nearest[q - range.begin];
            if (of_query.limit() < 0) continue;
            scan_tile(codes, first, queries + q * codes.n_bytes, of_query);
            is_open = true;
        }
    }
    for (int64_t q = range.begin; q < range.end; ++q)
        for (const auto& [distance, id] : nearest[q - range.begin].select()) hits.push_back({q, id, distance});
}

}  // namespace

std::vector<Hits> scan_nearest(const Codes& codes, const uint8_t* queries, int64_t n_queries, int64_t k, int threads) {
    const int64_t most = std::clamp<int64_t>(kBlockResults / k, 1, kBlockQueries);
    const int64_t grain = std::clamp<int64_t>((n_queries + threads - 1) / threads, 1, most);
    std::vector<Hits> per_thread(threads);
    parallel_for(n_queries, grain, threads, [&](int thread, Ranges& ranges) {
        while (const std::optional<Range> range = ranges.take())
            scan_block(codes, queries, *range, k, per_thread[thread]);
    });
    return per_thread;
}

}  // namespace hashmatch
