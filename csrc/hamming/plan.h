// Choice of the cheapest exact strategy for a search, and of the layout of tables.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/cost_model.h"
#include "hamming/substrings.h"

namespace hashmatch {

// Returns whether tables of this layout over n codes should have second sketches: if enough codes pass the
// first sketch that sparing them is worth a byte per posting. Smaller lists have relatively larger directories
// and do without.
bool wants_second_sketches(const SubstringLayout& layout, int64_t n);

// Returns the layout that is cheapest for n codes at the default radius of their width (bits / 8 - 1), or one
// without substrings if a scan is cheaper.
SubstringLayout choose_layout(int64_t n, int code_bits);

// kScan compares every code; kProbe looks up the keys near each query's substrings; kBatchProbe does so for
// many queries at once, sorted by key.
enum class Strategy { kScan, kProbe, kBatchProbe };

struct SearchPlan {
    Strategy strategy;
    int n_filter_planes;                 // leading bytes that a scan compares first; 0: whole codes at once
    const std::vector<int>* thresholds;  // null for a scan; lives as long as the planner
    Cost cost;                           // of one query
    Cost scan_cost;                      // of one query by scan, for comparison
};

// Plans for every radius of one index, computed once. Thread-safe.
class Planner {
  public:
    // layout.n_substrings is 0 for an index without tables; `n_sketches` per posting, 1 or 2.
    Planner(const Codes& codes, const SubstringLayout& layout, int n_sketches);

    // Returns the cheapest exact plan for a batch of n_queries; radius 0..bits.
    SearchPlan plan(int radius, int64_t n_queries) const;
    // Returns the plan of a given strategy, or a scan if tables cannot serve the radius.
    SearchPlan plan(int radius, int64_t n_queries, Strategy strategy) const;

  private:
    struct AtRadius {
        int n_filter_planes;
        double scan_code_ns;
        std::vector<int> thresholds;  // empty if tables cannot serve the radius
        Cost probe;
    };

    int64_t n_;
    SubstringLayout layout_;
    std::vector<AtRadius> at_radius_;
};

}  // namespace hashmatch
