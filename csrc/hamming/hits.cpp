#include "hamming/hits.h"

#include <algorithm>

namespace hashmatch {

SearchResult merge_hits(std::vector<Hits>& per_thread, int64_t n_queries) {
    SearchResult result;
    result.offsets.assign(n_queries + 1, 0);
    bool is_in_order = per_thread.size() == 1;  // as when a single query meets a crowd of equal codes
    Hit previous{-1, 0, 0};
    for (const Hits& hits : per_thread)
        for (const Hit& hit : hits) {
            ++result.offsets[hit.query + 1];
            is_in_order &= previous.query < hit.query ||
                           (previous.query == hit.query &&
                            Neighbour{previous.distance, previous.id} < Neighbour{hit.distance, hit.id});
            previous = hit;
        }
    for (int64_t q = 0; q < n_queries; ++q) result.offsets[q + 1] += result.offsets[q];
    result.ids.reserve(result.offsets.back());
    result.distances.reserve(result.offsets.back());
    const auto add = [&](int32_t distance, int64_t id) {
        result.distances.push_back(distance);
        result.ids.push_back(id);
    };
    if (is_in_order) {
        for (const Hit& hit : per_thread[0]) add(hit.distance, hit.id);
        Hits().swap(per_thread[0]);
        return result;
    }

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

    for (const auto& [distance, id] : ordered) add(distance, id);
    return result;
}

}  // namespace hashmatch
