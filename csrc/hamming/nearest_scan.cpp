#include "hamming/nearest_scan.h"

#include <algorithm>
#include <vector>

#include "hamming/cost_model.h"
#include "hamming/parallel.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

// The codes of a tile stay in the first-level cache while every query of a block passes over them.
constexpr int64_t kTileCodes = 512;
// Results held at once for the queries of a block, so that those of a large k fit in memory.
constexpr int64_t kBlockResults = int64_t{1} << 20;

// A heap of the k nearest candidates so far, the farthest of them on top.
class Nearest {
  public:
    // `ids_rise`: candidates are offered in ascending order of id. `limit`: no distance is larger.
    Nearest(size_t k, int limit, bool ids_rise) : k_(k), limit_(limit), tie_(ids_rise ? 1 : 0) {}

    // Candidates beyond this distance are too far; others may be as well. Negative if all are.
    int limit() const { return limit_; }

    void offer(const Neighbour& candidate) {
        if (heap_.size() == k_) {
            if (!(candidate < heap_.front())) return;
            std::pop_heap(heap_.begin(), heap_.end());
            heap_.pop_back();
        }
        heap_.push_back(candidate);
        std::push_heap(heap_.begin(), heap_.end());
        if (heap_.size() == k_) limit_ = heap_.front().distance - tie_;
    }

    const std::vector<Neighbour>& neighbours() const { return heap_; }

  private:
    const size_t k_;
    int limit_;
    const int tie_;  // what a later candidate must be nearer by than the farthest so far
    std::vector<Neighbour> heap_;
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
            if (distance <= nearest.limit()) nearest.offer({distance, codes.id(row)});
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
        for (const auto& [distance, id] : nearest[q - range.begin].neighbours()) hits.push_back({q, id, distance});
}

}  // namespace

std::vector<Hits> scan_nearest(const Codes& codes, const uint8_t* queries, int64_t n_queries, int64_t k, int threads) {
    const int64_t most = std::clamp<int64_t>(kBlockResults / k, 1, kScanTogether);
    const int64_t grain = std::clamp<int64_t>((n_queries + threads - 1) / threads, 1, most);
    std::vector<Hits> per_thread(threads);
    parallel_for(n_queries, grain, threads, [&](int thread, Ranges& ranges) {
        while (const std::optional<Range> range = ranges.take())
            scan_block(codes, queries, *range, k, per_thread[thread]);
    });
    return per_thread;
}

}  // namespace hashmatch
