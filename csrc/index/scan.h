// Exact search by comparing every code: a filter on leading bytes, then whole codes.
#pragma once

#include <cstdint>
#include <vector>

#include "index/codes.h"
#include "index/hits.h"

namespace hashmatch {

struct ScanPlan {
    int n_planes;   // leading bytes the filter reads; 0: no filter, whole codes are compared
    double weight;  // expected cost of one code, in the time the filter takes for one byte of it
};

// The cheapest exact plan for a radius; the filter pays while few codes pass it by chance.
ScanPlan plan_scan(const Codes& codes, int radius);

// All codes within `radius` bits (inclusive) of each of n_queries queries (n_queries x n_bytes).
// Hits carry rows. Thread-safe.
std::vector<Hits> scan_search(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, const ScanPlan& plan,
                              int threads);

// All pairs of rows within `radius`: the hit's query is the lower row, its id the higher.
std::vector<Hits> scan_join(const Codes& codes, int radius, const ScanPlan& plan, int threads);

}  // namespace hashmatch
