// Searching the tables for one query at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/lookup.h"
#include "hamming/plan.h"
#include "hamming/tables.h"
#include "hamming/verifier.h"

namespace hashmatch {

// Searches query after query; one for each thread, on its stack. Exact. Where so much passes the sketches that a scan
// is cheaper, it scans.
class ProbeSearcher {
  public:
    ProbeSearcher(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, Hits& hits);

    // Takes up one query and appends the matches of the one before: while memory brings what the one
    // needs, the other is compared. finish() appends those of the last.
    void take(const uint8_t* query, int64_t number);
    void finish();

  private:
    static constexpr uint32_t kCallPostings = 8192;  // sketches compared in one call

    void compare(const Lookup& lookup);
    bool compare_sketches(const Lookup& lookup);
    void add(const Lookup& lookup, const SketchProbe& run, uint32_t posting);

    const Codes& codes_;
    const Tables& tables_;
    const int radius_;
    const SearchPlan& plan_;
    const HammingKernels& kernel_;
    Hits& hits_;
    Verifier verifier_;
    Lookup lookups_[2];
    int newest_ = 0;  // which of them the next query gets
    bool is_waiting_ = false;
    NearPair near_[kCallPostings];
    const uint64_t most_candidates_;  // beyond these, or these, a scan is cheaper
    const uint64_t most_verified_;
};

// Runs the queries on several threads; hits carry rows.
std::vector<Hits> probe_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                               const uint8_t* queries, int64_t n_queries, int threads);

}  // namespace hashmatch
