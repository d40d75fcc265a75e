// The k codes nearest to each query.
#pragma once

#include <cstdint>

#include "index/codes.h"
#include "index/hits.h"

namespace hashmatch {

// Per query the min(k, n) codes of least (distance, id). Exact; thread-safe; every code is compared.
SearchResult nearest(const Codes& codes, const uint8_t* queries, int64_t n_queries, int64_t k, int threads);

}  // namespace hashmatch
