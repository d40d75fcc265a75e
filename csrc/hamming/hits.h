// What a search finds, and the form in which it is handed back.
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

// Hits of all queries: those of query q are [offsets[q], offsets[q + 1]), by (distance, id).
struct SearchResult {
    std::vector<int64_t> offsets;
    std::vector<int64_t> ids;
    std::vector<int32_t> distances;
};

// Joins what several threads found and orders it, whoever found it first.
SearchResult assemble(std::vector<Hits>& parts, int64_t n_queries);

}  // namespace hashmatch
