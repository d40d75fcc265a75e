// The k codes nearest to each query, by comparing every code.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"

namespace hashmatch {

// Per query the `k` (1..n) codes of least (distance, id), in any order; hits carry ids. Thread-safe.
std::vector<Hits> scan_nearest(const Codes& codes, const uint8_t* queries, int64_t n_queries, int64_t k, int threads);

}  // namespace hashmatch
