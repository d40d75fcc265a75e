// Table search for many queries at once, bucket by bucket.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/plan.h"
#include "hamming/tables.h"

namespace hashmatch {

// Sorts queries by key, table by table, so that each bucket is compared with all queries near its key at once.
// Queries that meet an overfull bucket are searched one at a time instead, with thresholds of their own. If all
// of it would cost more than a scan, as it may with damaged tables, it scans. Exact; hits carry rows; the result
// does not depend on `threads`.
std::vector<Hits> batch_probe_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                                     const uint8_t* queries, int64_t n_queries, int threads);

// The same, as far as it is cheap: returns the numbers of the queries left out, of which nothing is reported. These are
// the queries that meet an overfull bucket; or all queries of a batch that would cost more than a scan, or of which a
// thread has over `max_hits` hits.
std::vector<int64_t> batch_probe_cheap(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                                       const uint8_t* queries, int64_t n_queries, int threads, int64_t max_hits,
                                       std::vector<Hits>& per_thread);

}  // namespace hashmatch
