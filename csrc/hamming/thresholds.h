// Thresholds of substrings: how many bits of each may differ for a code to be found through its table.
//
// General pigeonhole principle (Qin et al., "GPH", ICDE 2018): if sum(t) = radius - n_substrings + 1, a code
// within the radius differs from the query in some substring i by at most t[i]. A threshold of -1 means that
// the substring is not looked up.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/substrings.h"
#include "hamming/tables.h"

namespace hashmatch {

// Spreads the thresholds of a radius evenly over the substrings. Empty if a substring would need more than
// kMaxThreshold.
std::vector<int> spread_thresholds(const SubstringLayout& layout, int radius);

// Chooses n_substrings thresholds of least total cost with sum(t + 1) = total, by dynamic programming, and
// returns their cost, or infinity if there are none. `costs` holds one row per substring: the cost of the
// thresholds -1, 0, 1, ... Cost: n_substrings * total * row length.
double find_cheapest_thresholds(const std::vector<double>& costs, int n_substrings, int total, int* thresholds);

// Replaces the thresholds of one query by others with the same sum that avoid its fullest buckets (per-query
// threshold allocation, GPH). Returns false, and changes nothing, if none promise less work. `keys` holds the
// query's n_substrings keys.
bool allocate_thresholds(const Tables& tables, int radius, const uint32_t* keys, int* thresholds);

}  // namespace hashmatch
