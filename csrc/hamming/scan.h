// Exact search by comparing every code: a filter on leading bytes, then whole codes.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"

namespace hashmatch {

struct ScanPlan {
    int n_planes;   // leading bytes the filter reads; 0: no filter, whole codes are compared
    double weight;  // expected cost of one code, in the time the filter takes for one byte of it
};

// The cheapest exact plan for a radius; the filter pays while few codes pass it by chance.
ScanPlan plan_scan(const Codes& codes, int radius);

// All codes within `radius` bits (inclusive) of each of n_queries queries (n_queries x n_bytes).
// Hits carry rows. Thread-safe.
std::vector<Hits> scan_search(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius,
                              const ScanPlan& plan, int threads);

// The same for one query, appended to `hits` under the number given.
void scan_one(const Codes& codes, const uint8_t* query, int64_t number, int radius, const ScanPlan& plan, Hits& hits);

// All pairs of rows within `radius`: the hit's query is the lower row, its id the higher.
std::vector<Hits> scan_join(const Codes& codes, int radius, const ScanPlan& plan, int threads);

// One bit per query and code, set where the code is within `radius`: n_queries x ceil(n / 8) bytes, bit
// 7 - row % 8 of byte row / 8. What is read, written and computed depends on the numbers of codes and
// queries and on the radius only, never on what the codes or queries hold: there is no filter, no
// branch on a distance, and the output has a fixed size.
void constant_time_scan(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, int threads,
                        uint8_t* bitmaps);

}  // namespace hashmatch
