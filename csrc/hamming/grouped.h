// Searching the tables for many queries at once, bucket by bucket.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/plan.h"
#include "hamming/tables.h"

namespace hashmatch {

// Queries are sorted by key, table by table, and each bucket meets all queries near its key at once.
// Queries that meet an overfull bucket are searched one at a time instead, with thresholds of their
// own. Where all of it comes to cost more than comparing every code, as it may with damaged tables, every
// code is compared. Exact; hits carry rows; the result does not depend on `threads`.
std::vector<Hits> grouped_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                                 const uint8_t* queries, int64_t n_queries, int threads);

// All pairs of rows within the radius, once each: the hit's query is the lower row, its id the higher.
// Ends in a scan as the above does.
std::vector<Hits> table_join(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, int threads);

}  // namespace hashmatch
