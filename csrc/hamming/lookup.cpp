#include "hamming/lookup.h"

#include <algorithm>
#include <vector>

#include "hamming/thresholds.h"

namespace hashmatch {
namespace {

// Thresholds are reallocated if a query has this many times the usual number of candidates.
constexpr uint64_t kCrowded = 4;

}  // namespace

Lookup::Lookup(const Tables& tables, int radius, const std::vector<int>& thresholds)
    : tables_(tables), radius_(radius), usual_thresholds_(thresholds) {
    size_t n_probes = 0;
    for (const int threshold : thresholds) n_probes += tables.ball.count(threshold);
    usual_probes_ = n_probes;
    usual_candidates_ = n_probes * tables.n / tables.layout.n_keys() + 4 * n_probes;
}

void Lookup::find(const uint8_t* query, int64_t number) {
    query_ = query;
    number_ = number;
    n_probes_ = 0;
    reserve(usual_probes_ + 1);  // one is written before it is known to count
    tables_.cutter.keys(query, keys_);
    std::copy(usual_thresholds_.begin(), usual_thresholds_.end(), thresholds_);
    prefetch_directory();
    find_buckets();
    has_own_thresholds_ =
        n_candidates_ > kCrowded * usual_candidates_ && allocate_thresholds(tables_, radius_, keys_, thresholds_);
    if (has_own_thresholds_) find_buckets();
    prefetch_runs();
}

void Lookup::reserve(size_t n_more) {
    if (n_probes_ + n_more <= capacity_) return;
    capacity_ = std::max(2 * capacity_, n_probes_ + n_more);
    std::unique_ptr<SketchProbe[]> larger(new SketchProbe[capacity_]);
    std::copy(probes_.get(), probes_.get() + n_probes_, larger.get());
    probes_.swap(larger);
}

// Finds the buckets of all keys within the thresholds.
void Lookup::find_buckets() {
    const int n_substrings = tables_.layout.n_substrings;
    n_probes_ = 0;
    n_candidates_ = 0;
    for (int substring = 0; substring < n_substrings; ++substring) {
        const uint16_t sketch = static_cast<uint16_t>(keys_[substring + 1 < n_substrings ? substring + 1 : 0]);
        for (int bits = 0; bits <= thresholds_[substring]; ++bits) {
            const int limit = sketch_limit(thresholds_, n_substrings, substring, bits);
            if (limit < 0) break;
            find_bucket_ring(substring, keys_[substring], bits, {nullptr, 0, sketch, static_cast<int16_t>(limit)});
        }
    }
}

// Finds the buckets of the keys that differ from `key` in exactly `bits` bits.
void Lookup::find_bucket_ring(int substring, uint32_t key, int bits, SketchProbe probe) {
    const uint32_t* directory = tables_.directory_entry(substring, 0);
    const uint16_t* sketches = tables_.sketches_at(substring, 0);
    const int64_t n = tables_.n;
    const HammingBall::Flip* flip = tables_.ball.end(bits - 1);
    const HammingBall::Flip* end = tables_.ball.end(bits);
    reserve(end - flip + 1);
    SketchProbe* next = probes_.get() + n_probes_;
    uint64_t n_candidates = 0;
    for (; flip < end; ++flip) {
        const Tables::Bucket bucket = Tables::bucket_at(directory + (key ^ flip->mask), n);
        probe.sketches = sketches + bucket.begin;
        probe.count = bucket.size();
        // Always written, and counted if it is not empty: a branch on that would often mispredict.
        *next = probe;
        next += probe.count > 0;
        n_candidates += probe.count;
        if (probe.count > kRunPostings) {
            n_probes_ = next - probes_.get();
            split_last_run(end - flip);
            next = probes_.get() + n_probes_;
        }
    }
    n_probes_ = next - probes_.get();
    n_candidates_ += n_candidates;
}

// Splits the last run into runs of at most kRunPostings, and reserves space for n_to_come more probes.
void Lookup::split_last_run(size_t n_to_come) {
    SketchProbe rest = probes_[--n_probes_];
    reserve(rest.count / kRunPostings + 1 + n_to_come);
    while (rest.count > 0) {
        SketchProbe run = rest;
        run.count = std::min(rest.count, kRunPostings);
        probes_[n_probes_++] = run;
        rest.sketches += run.count;
        rest.count -= run.count;
    }
}

// Prefetches everything that find_buckets() will read before any of it is read: a look-up that stalls would hold
// up the requests behind it.
void Lookup::prefetch_directory() const {
    for (int substring = 0; substring < tables_.layout.n_substrings; ++substring) {
        // Beyond two flipped bits there are more keys than a cache holds, so those look-ups stall.
        const HammingBall::Flip* end = tables_.ball.end(std::min(thresholds_[substring], 2));
        for (const HammingBall::Flip* flip = tables_.ball.begin(); flip < end; ++flip)
            prefetch(tables_.directory_entry(substring, keys_[substring] ^ flip->mask));
    }
}

// Prefetches the runs that are compared first.
void Lookup::prefetch_runs() const {
    for (size_t probe = 0; probe < std::min(n_probes_, kProbesAhead); ++probe) prefetch_run(probes_[probe]);
}

}  // namespace hashmatch
