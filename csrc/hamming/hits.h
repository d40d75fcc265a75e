// Results of a search.
#pragma once

#include <cstdint>
#include <vector>

namespace hashmatch {

struct Hit {
    int64_t query;
    int64_t id;
    int32_t distance;
};

using Hits = std::vector<Hit>;

// A hit of one query, in order of (distance, id).
struct Neighbour {
    int32_t distance;
    int64_t id;

    // Written out, because comparing std::pair compiles to slower code.
    friend bool operator<(const Neighbour& a, const Neighbour& b) {
        return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
    }
};

// Hits of all queries: those of query q are [offsets[q], offsets[q + 1]), by (distance, id).
struct SearchResult {
    std::vector<int64_t> offsets;
    std::vector<int64_t> ids;
    std::vector<int32_t> distances;
};

// Merges the hits of several threads, in an order that does not depend on which thread found what. Empties
// `per_thread`.
SearchResult merge_hits(std::vector<Hits>& per_thread, int64_t n_queries);

}  // namespace hashmatch
