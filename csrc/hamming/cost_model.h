// Cost model: expected time of every step of a search, in nanoseconds.
//
// Measured on one core with AVX-512 at 2.4 GHz. Only ratios between costs matter. With narrower kernels a
// scan costs more, and tables are chosen in cases where they are cheaper still.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/substrings.h"

namespace hashmatch {

constexpr double kProbeNs = 11;     // look up one key and reach its first sketch
constexpr double kSketchNs = 0.12;  // compare one sketch
constexpr double kVerifyNs = 25;    // reach and compare one whole code

// Expected cost of one query, over uniformly distributed codes.
struct Cost {
    double probes = 0;      // keys looked up
    double candidates = 0;  // sketches compared
    double near = 0;        // of these, near by the first sketch
    double verified = 0;    // whole codes compared
    double ns = 0;
};

// Time of scanning one code of n_bytes in a batch of queries: by a filter on its first n_planes bytes, or whole
// if n_planes is 0.
double scan_code_ns(int n_bytes, int n_planes, int radius);

// Cost of scanning n codes. A batch reads each tile once for four queries, so a single query costs more.
Cost scan_cost(double code_ns, int64_t n, bool is_batch);

// Queries that a scan for the nearest codes serves by one pass over memory.
constexpr int64_t kScanTogether = 64;

// Time per query for which it is worthwhile to probe tables for the nearest of n codes before all are scanned.
double worthwhile_probe_ns(int n_bytes, int64_t n);

// Cost of probing the tables of n codes, with 1 or 2 sketches per posting, for one query at a time.
Cost probe_cost(const SubstringLayout& layout, const std::vector<int>& thresholds, int n_sketches, int64_t n);

// Cost of one of n_queries that share a walk over each table; `probe` is its cost on its own.
Cost batch_probe_cost(const SubstringLayout& layout, const Cost& probe, int64_t n_queries);

}  // namespace hashmatch
