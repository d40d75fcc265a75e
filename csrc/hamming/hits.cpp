#include "hamming/hits.h"

#include <algorithm>
#include <cstdint>

namespace hashmatch {

namespace {

// Copies hits that are in order already, as those of a single query that meets a crowd of equal codes. Returns false
// if they are not, with part of the result written.
bool copy_ordered(const Hits& hits, SearchResult& result) {
    result.ids.reserve(hits.size());
    result.distances.reserve(hits.size());
    Hit previous{-1, 0, 0};
    const auto end_before = [&](int64_t query) {
        std::fill(result.offsets.begin() + previous.query + 1, result.offsets.begin() + query + 1, result.ids.size());
    };
    for (const Hit& hit : hits) {
        if (previous.query > hit.query) return false;
        if (previous.query < hit.query)
            end_before(hit.query);
        else if (!(Neighbour{previous.distance, previous.id} < Neighbour{hit.distance, hit.id}))
            return false;
        result.ids.push_back(hit.id);
        result.distances.push_back(hit.distance);
        previous = hit;
    }
    end_before(std::ssize(result.offsets) - 1);
    return true;
}

}  // namespace

SearchResult merge_hits(std::vector<Hits>& per_thread, int64_t n_queries) {
    SearchResult result;
    result.offsets.resize(n_queries + 1);
    if (per_thread.size() == 1 && copy_ordered(per_thread[0], result)) {
        Hits().swap(per_thread[0]);
        return result;
    }
    result = SearchResult{std::vector<int64_t>(n_queries + 1), {}, {}};
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
