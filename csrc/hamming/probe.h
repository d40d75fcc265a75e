// Table search for one query at a time.
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

// Searches one query after another, on one thread. Exact. If so many candidates pass the sketches that a scan is
// cheaper, it scans; or, given `costly`, reports nothing of the query but its number there. Hits of a query follow one
// another.
class ProbeSearcher {
  public:
    ProbeSearcher(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, Hits& hits,
                  std::vector<int64_t>* costly = nullptr);

    // Starts a query and appends the hits of the previous one: the sketches of the one are prefetched while the
    // other is compared. finish() appends the hits of the last.
    void search(const uint8_t* query, int64_t number);
    void finish();

  private:
    static constexpr uint32_t kCallSketches = 8192;  // compared in one call

    void compare(const Lookup& lookup);
    bool compare_sketches(const Lookup& lookup);
    void add(const Lookup& lookup, const SketchProbe& run, uint32_t posting);

    const Codes& codes_;
    const Tables& tables_;
    const int radius_;
    const SearchPlan& plan_;
    const HammingOps& ops_;
    Hits& hits_;
    std::vector<int64_t>* const costly_;
    Verifier verifier_;
    Lookup lookups_[2];
    int next_ = 0;  // the one the next query gets
    bool has_pending_ = false;
    NearPair near_[kCallSketches];
    const uint64_t max_candidates_;  // beyond either of these a scan is cheaper
    const uint64_t max_verified_;
};

// Searches n_queries queries on several threads. Hits carry rows.
std::vector<Hits> probe_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                               const uint8_t* queries, int64_t n_queries, int threads);

}  // namespace hashmatch
