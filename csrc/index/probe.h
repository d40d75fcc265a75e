// Searching the tables for one query at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "index/codes.h"
#include "index/hits.h"
#include "index/plan.h"
#include "index/tables.h"
#include "index/verifier.h"

namespace hashmatch {

// Searches query after query; one for each thread. Exact for any thresholds that spread_thresholds()
// allows. Where a query's buckets are much fuller than usual it chooses other thresholds for it, and
// where so much passes the sketches that a scan is cheaper, it scans.
class ProbeSearcher {
  public:
    ProbeSearcher(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, Hits& hits);

    // Appends the matches of one query.
    void search(const uint8_t* query, int64_t number);

  private:
    void prefetch_directory(int part, uint32_t key, int threshold) const;
    void look_up(const uint32_t* keys, const int* thresholds);
    void look_up_flips(int part, uint32_t key, int bits, SketchProbe probe);
    void make_room(size_t more);
    void cut_last_run(size_t n_to_come);
    bool relieve(const uint32_t* keys, int* thresholds) const;
    bool compare_sketches(const Probed& query);

    const Codes& codes_;
    const Tables& tables_;
    const int radius_;
    const SearchPlan& plan_;
    const HammingKernels& kernel_;
    Hits& hits_;
    Verifier verifier_;
    // Runs of sketches to compare, none longer than kRunPostings.
    std::unique_ptr<SketchProbe[]> probes_;
    size_t n_probes_ = 0;
    size_t room_ = 0;
    std::unique_ptr<NearPair[]> near_;  // like the probes left uninitialised: one is made for every call
    uint64_t n_candidates_ = 0;
    uint64_t usual_candidates_ = 0;
    uint64_t most_candidates_ = 0;  // beyond these, or these, a scan is cheaper
    uint64_t most_verified_ = 0;
};

// Runs the queries on several threads; hits carry rows.
std::vector<Hits> probe_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                               const uint8_t* queries, int64_t n_queries, int threads);

}  // namespace hashmatch
