// The k nearest codes by exhaustive comparison.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"

namespace hashmatch {

// Finds, for each query, the `k` (1..n) codes of least (distance, id), in any order. Hits carry ids. Memory grows
// with the results, however many codes are equally near. Thread-safe.
std::vector<Hits> scan_nearest(const Codes& codes, const uint8_t* queries, int64_t n_queries, int64_t k, int threads);

}  // namespace hashmatch
