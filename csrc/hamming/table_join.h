// Self-join through the tables.
#pragma once

#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/plan.h"
#include "hamming/tables.h"

namespace hashmatch {

// Finds all pairs of rows within the radius, once each: the hit's query is the lower row, its id the higher.
// Scans if the tables would cost more.
std::vector<Hits> table_join(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, int threads);

}  // namespace hashmatch
