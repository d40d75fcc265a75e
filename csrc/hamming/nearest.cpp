#include "hamming/nearest.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "hamming/parallel.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

constexpr int64_t kChunkCodes = 4096;

// A heap of the k best candidates so far, the worst of them on top.
class Best {
  public:
    using Candidate = std::pair<int32_t, int64_t>;  // distance, id

    explicit Best(size_t k) : k_(k) { heap_.reserve(k); }

    void offer(const Candidate& candidate) {
        if (heap_.size() < k_) {
            heap_.push_back(candidate);
            std::push_heap(heap_.begin(), heap_.end());
        } else if (candidate < heap_.front()) {
            std::pop_heap(heap_.begin(), heap_.end());
            heap_.back() = candidate;
            std::push_heap(heap_.begin(), heap_.end());
        }
    }

    const std::vector<Candidate>& candidates() const { return heap_; }

  private:
    size_t k_;
    std::vector<Candidate> heap_;
};

void scan_query(const Codes& codes, const uint8_t* query, int64_t q, int64_t k, Hits& hits) {
    const HammingOps& ops = active_kernel().hamming;
    Best best(k);
    uint16_t distances[kChunkCodes];
    for (int64_t first = 0; first < codes.n; first += kChunkCodes) {
        const int64_t count = std::min(kChunkCodes, codes.n - first);
        ops.distances(codes.code(first), count, codes.n_bytes, query, distances);
        for (int64_t i = 0; i < count; ++i) best.offer({distances[i], codes.id(first + i)});
    }
    for (const auto& [distance, id] : best.candidates()) hits.push_back({q, id, distance});
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
