// The k nearest codes, by the cheapest exact strategy.
#pragma once

#include <cstdint>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/plan.h"
#include "hamming/tables.h"

namespace hashmatch {

// Finds, for each query, the min(k, n) codes of least (distance, id). `tables` may be null.
//
// A radius that holds k codes holds the k nearest. So the tables are probed with a growing radius, while that costs
// much less than a scan; queries that are still short of k codes then, or that meet crowded buckets, are scanned.
// Memory grows with the results, however many codes are equally near.
SearchResult find_nearest(const Codes& codes, const Tables* tables, const Planner& planner, const uint8_t* queries,
                          int64_t n_queries, int64_t k, int threads);

}  // namespace hashmatch
