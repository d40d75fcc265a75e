#include "hamming/nearest.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "hamming/threads.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

constexpr int64_t kChunkCodes = 4096;

// A heap of the k best so far, the worst of them on top.
class Best {
  public:
    explicit Best(size_t k) : k_(k) { kept_.reserve(k); }

    void offer(int32_t distance, int64_t id) {
        const std::pair<int32_t, int64_t> candidate(distance, id);
        if (kept_.size() < k_) {
            kept_.push_back(candidate);
            std::push_heap(kept_.begin(), kept_.end());
        } else if (candidate < kept_.front()) {
            std::pop_heap(kept_.begin(), kept_.end());
            kept_.back() = candidate;
            std::push_heap(kept_.begin(), kept_.end());
        }
    }

    const std::vector<std::pair<int32_t, int64_t>>& kept() const { return kept_; }

  private:
    size_t k_;
    std::vector<std::pair<int32_t, int64_t>> kept_;
};

void nearest_to_one(const Codes& codes, const uint8_t* query, int64_t q, size_t k, Hits& hits) {
    const HammingKernels& kernel = *active_kernel().hamming;
    Best best(k);
    uint16_t distances[kChunkCodes];
    for (int64_t first = 0; first < codes.n; first += kChunkCodes) {
        const int64_t count = std::min(kChunkCodes, codes.n - first);
        kernel.distances(codes.code(first), static_cast<size_t>(count), codes.n_bytes, query, distances);
        for (int64_t i = 0; i < count; ++i) best.offer(distances[i], codes.id(first + i));
    }
    for (const auto& [distance, id] : best.kept()) hits.push_back({q, id, distance});
}

}  // namespace

std::vector<Hits> scan_nearest(const Codes& codes, const uint8_t* queries, int64_t n_queries, int64_t k, int threads) {
    const int n_threads = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(threads, n_queries)));
    std::vector<Hits> parts(static_cast<size_t>(n_threads));
    std::atomic<int64_t> next{0};
    run_threads(n_threads, [&](int thread) {
        for (int64_t q; (q = next.fetch_add(1)) < n_queries;)
            nearest_to_one(codes, queries + q * codes.n_bytes, q, static_cast<size_t>(k),
                           parts[static_cast<size_t>(thread)]);
    });
    return parts;
}

}  // namespace hashmatch
