// Exact search by comparing every code: a filter on leading bytes, then whole codes.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"

namespace hashmatch {

// All of these filter on the first n_planes bytes of a code, or compare whole codes at once if it is 0. Any
// number gives the same hits; a Planner knows the fastest. Hits carry rows. Thread-safe.

// Finds all codes within `radius` bits (inclusive) of each of n_queries queries (n_queries x n_bytes).
std::vector<Hits> scan_search(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, int n_planes,
                              int threads);

// The same for one query on the calling thread, appended to `hits` under the given query number.
void scan_one(const Codes& codes, const uint8_t* query, int64_t number, int radius, int n_planes, Hits& hits);

// Finds all pairs of rows within `radius`: the hit's query is the lower row, its id the higher.
std::vector<Hits> scan_join(const Codes& codes, int radius, int n_planes, int threads);

// Sets one bit per query and code if the code is within `radius`: n_queries x ceil(n / 8) bytes, bit
// 7 - row % 8 of byte row / 8. Constant time: what is read, written and computed depends only on the numbers of
// codes and queries and on the radius, never on the codes or queries. There is no filter and no branch on a
// distance, and the output has a fixed size.
void constant_time_scan(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, int threads,
                        uint8_t* bitmaps);

}  // namespace hashmatch
