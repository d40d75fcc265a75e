// Exact search by comparing every code: a filter on leading bytes, then whole codes.
#pragma once

#include <cstdint>

#include "index/codes.h"
#include "index/hits.h"

namespace hashmatch {

struct ScanPlan {
    int n_planes;  // leading bytes the filter reads; 0: no filter, whole codes are compared
};

// The cheapest exact plan for a radius; the filter pays while few codes pass it by chance.
ScanPlan plan_scan(const Codes& codes, int radius);

// All codes within `radius` bits (inclusive) of each of n_queries queries (n_queries x n_bytes).
// Exact whatever the plan. Thread-safe; the result does not depend on `threads`.
SearchResult scan_search(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, int threads);

// All pairs of rows within `radius`; the hit's query is the first row, its id the second row (not
// mapped to ids), rows in ascending order within a pair.
SearchResult scan_join(const Codes& codes, int radius, int threads);

}  // namespace hashmatch
