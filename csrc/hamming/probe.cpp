#include "hamming/probe.h"

#include <algorithm>

#include "hamming/cost_model.h"
#include "hamming/parallel.h"
#include "hamming/scan.h"

namespace hashmatch {

ProbeSearcher::ProbeSearcher(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, Hits& hits,
                             std::vector<int64_t>* costly)
    : codes_(codes),
      tables_(tables),
      radius_(radius),
      plan_(plan),
      ops_(active_kernel().hamming),
      hits_(hits),
      costly_(costly),
      verifier_(codes, tables, radius, hits),
      lookups_{Lookup(tables, radius, *plan.thresholds), Lookup(tables, radius, *plan.thresholds)},
      max_candidates_(static_cast<uint64_t>(plan.scan_cost.ns / kSketchNs)),
      max_verified_(static_cast<uint64_t>(plan.scan_cost.ns / (2 * kVerifyNs))) {}

void ProbeSearcher::search(const uint8_t* query, int64_t number) {
    lookups_[next_].find(query, number);
    next_ = 1 - next_;
    if (has_pending_) compare(lookups_[next_]);
    has_pending_ = true;
}

void ProbeSearcher::finish() {
    if (has_pending_) compare(lookups_[1 - next_]);
    has_pending_ = false;
    verifier_.settle();
}

void ProbeSearcher::compare(const Lookup& lookup) {
    if (lookup.n_candidates() <= max_candidates_ && compare_sketches(lookup)) {
        // Thresholds allocated for one query are overwritten by the next.
        if (lookup.has_own_thresholds()) verifier_.settle();
        return;
    }
    verifier_.settle();
    while (!hits_.empty() && hits_.back().query == lookup.query().number) hits_.pop_back();
    if (costly_)
        costly_->push_back(lookup.query().number);
    else
        scan_one(codes_, lookup.query().code, lookup.query().number, radius_, plan_.n_filter_planes, hits_);
}

// Returns false, with some candidates left out, if verifying them would cost more than a scan.
bool ProbeSearcher::compare_sketches(const Lookup& lookup) {
    const SketchProbe* probes = lookup.probes();
    const size_t n_probes = lookup.n_probes();
    uint64_t n_verified = 0;
    for (size_t first = 0, last = 0; first < n_probes; first = last) {
        uint32_t n_sketches = 0;
        while (last < n_probes && n_sketches + probes[last].count <= kCallSketches) n_sketches += probes[last++].count;
        const size_t found = ops_.near_probes(&probes[first], last - first, n_probes - last, near_);
        n_verified += found;
        if (n_verified > max_verified_) return false;
        for (size_t pair = 0; pair < found; ++pair) {
            add(lookup, probes[first + near_[pair].query], near_[pair].posting);
        }
    }
    return true;
}

// Hands a posting of a run whose first sketch is near to the verifier.
void ProbeSearcher::add(const Lookup& lookup, const SketchProbe& run, uint32_t posting) {
    const int n_substrings = tables_.layout.n_substrings;
    const int64_t place = run.sketches - tables_.sketches + posting;
    const int substring = static_cast<int>(place / tables_.n);
    const ProbeQuery query = lookup.query();
    if (!tables_.sketches2) {
        verifier_.add(query, substring, tables_.postings + place);
        return;
    }
    const int left = run.limit - count_bits(static_cast<unsigned>(run.sketches[posting] ^ run.sketch));
    verifier_.add_after_second(query, substring, place,
                               static_cast<uint8_t>(lookup.key((substring + 2) % n_substrings)),
                               second_sketch_limit(query.thresholds, n_substrings, substring, left));
}

std::vector<Hits> probe_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                               const uint8_t* queries, int64_t n_queries, int threads) {
    constexpr int64_t kGrain = 64;
    std::vector<Hits> per_thread(threads);
    parallel_for(n_queries, kGrain, threads, [&](int thread, Ranges& ranges) {
        ProbeSearcher searcher(codes, tables, radius, plan, per_thread[thread]);
        ranges.for_each([&](int64_t q) { searcher.search(queries + q * codes.n_bytes, q); });
        searcher.finish();
    });
    return per_thread;
}

}  // namespace hashmatch
