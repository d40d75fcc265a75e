#include "hamming/nearest.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "hamming/parallel.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

constexpr int64_t kChunkCodes = 4096;

// A heap of the k nearest candidates so far, the farthest of them on top.
class Nearest {
  public:
    explicit Nearest(size_t k) : k_(k) { heap_.reserve(k); }

    // Candidates beyond this distance are too far; others may be as well.
    int limit() const { return limit_; }

    void offer(const Neighbour& candidate) {
        if (heap_.size() == k_) {
            if (!(candidate < heap_.front())) return;
            std::pop_heap(heap_.begin(), heap_.end());
            heap_.pop_back();
        }
        heap_.push_back(candidate);
        std::push_heap(heap_.begin(), heap_.end());
        if (heap_.size() == k_) limit_ = heap_.front().distance;
    }

    const std::vector<Neighbour>& neighbours() const { return heap_; }

  private:
    size_t k_;
    int limit_ = std::numeric_limits<int>::max();
    std::vector<Neighbour> heap_;
};

void scan_query(const Codes& codes, const uint8_t* query, int64_t q, int64_t k, Hits& hits) {
    const HammingOps& ops = active_kernel().hamming;
    Nearest nearest(k);
    uint16_t distances[kChunkCodes];
    for (int64_t first = 0; first < codes.n; first += kChunkCodes) {
        const int64_t count = std::min(kChunkCodes, codes.n - first);
        ops.distances(codes.code(first), count, codes.n_bytes, query, distances);
        for (int64_t i = 0; i < count; ++i)
            if (distances[i] <= nearest.limit()) nearest.offer({distances[i], codes.id(first + i)});
    }
    for (const auto& [distance, id] : nearest.neighbours()) hits.push_back({q, id, distance});
}

}  // namespace

std::vector<Hits> scan_nearest(const Codes& codes, const uint8_t* queries, int64_t n_queries, int64_t k, int threads) {
    std::vector<Hits> per_thread(threads);
    parallel_for(n_queries, 1, threads, [&](int thread, Ranges& ranges) {
        ranges.for_each([&](int64_t q) { scan_query(codes, queries + q * codes.n_bytes, q, k, per_thread[thread]); });
    });
    return per_thread;
}

}  // namespace hashmatch
