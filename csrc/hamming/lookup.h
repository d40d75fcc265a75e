// Table look-ups of a query: the runs of sketches it must be compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hamming/tables.h"
#include "hamming/verifier.h"
#include "kernels/hamming_ops.h"

namespace hashmatch {

// Longer runs of sketches are split.
constexpr uint32_t kRunPostings = 1024;

// Cuts a query into keys, finds the buckets of all keys near them, and prefetches the sketches there. If the
// buckets are much fuller than usual, it allocates thresholds for this query alone. Exact for any thresholds
// that spread_thresholds() and allocate_thresholds() return.
class Lookup {
  public:
    Lookup(const Tables& tables, int radius, const std::vector<int>& thresholds);

    // Looks up a query, discarding the results for the previous one.
    void find(const uint8_t* query, int64_t number);

    ProbeQuery query() const { return {query_, number_, has_own_thresholds_ ? thresholds_ : usual_thresholds_.data()}; }
    uint32_t key(int substring) const { return keys_[substring]; }
    // Returns whether the thresholds were allocated for this query; they are valid until the next find().
    bool has_own_thresholds() const { return has_own_thresholds_; }
    // Runs of sketches, none longer than kRunPostings.
    const SketchProbe* probes() const { return probes_.get(); }
    size_t n_probes() const { return n_probes_; }
    // Number of sketches in all runs together.
    uint64_t n_candidates() const { return n_candidates_; }

  private:
    void find_buckets();
    void find_bucket_ring(int substring, uint32_t key, int bits, SketchProbe probe);
    void prefetch_directory() const;
    void prefetch_runs() const;
    void reserve(size_t n_more);
    void split_last_run(size_t n_to_come);

    const Tables& tables_;
    const int radius_;
    const std::vector<int>& usual_thresholds_;
    size_t usual_probes_ = 0;
    uint64_t usual_candidates_ = 0;
    const uint8_t* query_ = nullptr;
    int64_t number_ = 0;
    uint32_t keys_[kMaxSubstrings];
    int thresholds_[kMaxSubstrings];
    bool has_own_thresholds_ = false;
    std::unique_ptr<SketchProbe[]> probes_;  // uninitialised, as every search reallocates it
    size_t n_probes_ = 0;
    size_t capacity_ = 0;
    uint64_t n_candidates_ = 0;
};

}  // namespace hashmatch
