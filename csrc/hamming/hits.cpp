#include "hamming/hits.h"

#include <algorithm>

namespace hashmatch {

SearchResult merge_hits(std::vector<Hits>& per_thread, int64_t n_queries) {
    SearchResult result;
    result.offsets.assign(n_queries + 1, 0);
    for (const Hits& hits : per_thread)
        for (const Hit& hit : hits) ++result.offsets[hit.query + 1];
    for (int64_t q = 0; q < n_queries; ++q) result.offsets[q + 1] += result.offsets[q];

    // Counting sort by query, then a sort of each query's few hits by (distance, id).
    std::vector<Neighbour> ordered(result.offsets.back());
    std::vector<int64_t> next(result.offsets.begin(), result.offsets.end() - 1);
    for (Hits& hits : per_thread) {
        for (const Hit& hit : hits) ordered[next[hit.query]++] = {hit.distance, hit.id};
        Hits().swap(hits);
    }
    for (int64_t q = 0; q < n_queries; ++q)
        if (result.offsets[q + 1] - result.offsets[q] > 1)
            std::sort(ordered.begin() + result.offsets[q], ordered.begin() + result.offsets[q + 1]);

    result.ids.reserve(ordered.size());
    result.distances.reserve(ordered.size());
    for (const auto& [distance, id] : ordered) {
        result.distances.push_back(distance);
        result.ids.push_back(id);
    }
    return result;
}

}  // namespace hashmatch
