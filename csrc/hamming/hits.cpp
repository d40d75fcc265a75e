#include "hamming/hits.h"

#include <algorithm>
#include <tuple>

namespace hashmatch {

SearchResult assemble(std::vector<Hits>& parts, int64_t n_queries) {
    SearchResult result;
    result.offsets.assign(static_cast<size_t>(n_queries) + 1, 0);
    for (const Hits& part : parts)
        for (const Hit& hit : part) ++result.offsets[static_cast<size_t>(hit.query) + 1];
    for (size_t q = 0; q < static_cast<size_t>(n_queries); ++q) result.offsets[q + 1] += result.offsets[q];

    // Counting sort by query, then each query's few hits by (distance, id).
    std::vector<std::pair<int32_t, int64_t>> ordered(static_cast<size_t>(result.offsets.back()));
    std::vector<int64_t> next(result.offsets.begin(), result.offsets.end() - 1);
    for (Hits& part : parts) {
        for (const Hit& hit : part)
            ordered[static_cast<size_t>(next[static_cast<size_t>(hit.query)]++)] = {hit.distance, hit.id};
        Hits().swap(part);
    }
    for (size_t q = 0; q < static_cast<size_t>(n_queries); ++q)
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
