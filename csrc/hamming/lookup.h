// Which sketches a query must be compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hamming/tables.h"
#include "hamming/verifier.h"
#include "kernels/hamming_kernels.h"

namespace hashmatch {

// A longer run of sketches is cut.
constexpr uint32_t kRunPostings = 1024;

// Cuts a query into keys and finds the buckets of all keys near them, and asks memory for the sketches
// there. Where the buckets are much fuller than usual it chooses other thresholds for this query.
// Exact for any thresholds that spread_thresholds() allows.
class Lookup {
  public:
    Lookup(const Tables& tables, int radius, const std::vector<int>& thresholds);

    // Takes up a query; what was found for the one before is gone.
    void find(const uint8_t* query, int64_t number);

    Probed query() const { return {query_, number_, has_own_thresholds_ ? thresholds_ : usual_thresholds_.data()}; }
    uint32_t key(int part) const { return keys_[part]; }
    // Whether the thresholds were chosen for this query; then they last until the next is taken up.
    bool has_own_thresholds() const { return has_own_thresholds_; }
    // Runs of sketches, none longer than kRunPostings.
    const SketchProbe* probes() const { return probes_.get(); }
    size_t n_probes() const { return n_probes_; }
    // Sketches in all runs together.
    uint64_t n_candidates() const { return n_candidates_; }

  private:
    void find_buckets();
    void find_flips(int part, uint32_t key, int bits, SketchProbe probe);
    void prefetch_directory() const;
    void prefetch_runs() const;
    void make_room(size_t more);
    void cut_last_run(size_t n_to_come);
    bool relieve();

    const Tables& tables_;
    const int radius_;
    const std::vector<int>& usual_thresholds_;
    size_t usual_probes_ = 0;
    uint64_t usual_candidates_ = 0;
    const uint8_t* query_ = nullptr;
    int64_t number_ = 0;
    uint32_t keys_[kMaxParts];
    int thresholds_[kMaxParts];
    bool has_own_thresholds_ = false;
    std::unique_ptr<SketchProbe[]> probes_;  // left uninitialised: every search makes its own
    size_t n_probes_ = 0;
    size_t room_ = 0;
    uint64_t n_candidates_ = 0;
};

}  // namespace hashmatch
