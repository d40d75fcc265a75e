#include "hamming/probe.h"

#include <algorithm>
#include <atomic>

#include "hamming/scan.h"
#include "hamming/threads.h"

namespace hashmatch {
ProbeSearcher::ProbeSearcher(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, Hits& hits)
    : codes_(codes),
      tables_(tables),
      radius_(radius),
      plan_(plan),
      kernel_(*active_kernel().hamming),
      hits_(hits),
      verifier_(codes, tables, radius, hits),
      lookups_{Lookup(tables, radius, *plan.thresholds), Lookup(tables, radius, *plan.thresholds)},
      most_candidates_(static_cast<uint64_t>(plan.scan_cost.ns / kSketchNs)),
      most_verified_(static_cast<uint64_t>(plan.scan_cost.ns / (2 * kVerifyNs))) {}

void ProbeSearcher::take(const uint8_t* query, int64_t number) {
    lookups_[newest_].find(query, number);
    newest_ = 1 - newest_;
    if (is_waiting_) compare(lookups_[newest_]);
    is_waiting_ = true;
}

void ProbeSearcher::finish() {
    if (is_waiting_) compare(lookups_[1 - newest_]);
    is_waiting_ = false;
    verifier_.settle();
}

void ProbeSearcher::compare(const Lookup& lookup) {
    if (lookup.n_candidates() <= most_candidates_ && compare_sketches(lookup)) {
        // The thresholds of its own that a query may have are gone when its lookup takes up another.
        if (lookup.has_own_thresholds()) verifier_.settle();
        return;
    }
    verifier_.settle();
    while (!hits_.empty() && hits_.back().query == lookup.query().number) hits_.pop_back();
    scan_one(codes_, lookup.query().code, lookup.query().number, radius_, plan_.scan, hits_);
}

// False where more codes ask to be compared whole than a scan would cost; some are then left out.
bool ProbeSearcher::compare_sketches(const Lookup& lookup) {
    const SketchProbe* probes = lookup.probes();
    const size_t n_probes = lookup.n_probes();
    uint64_t n_verified = 0;
    for (size_t first = 0, last = 0; first < n_probes; first = last) {
        uint32_t n_sketches = 0;
        while (last < n_probes && n_sketches + probes[last].count <= kCallPostings) n_sketches += probes[last++].count;
        const size_t found = kernel_.near_probes(&probes[first], last - first, n_probes - last, near_);
        n_verified += found;
        if (n_verified > most_verified_) return false;
        for (size_t pair = 0; pair < found; ++pair) {
            add(lookup, probes[first + near_[pair].query], near_[pair].posting);
        }
    }
    return true;
}

// Hands a posting of a run, whose first sketch is near, to the verifier.
void ProbeSearcher::add(const Lookup& lookup, const SketchProbe& run, uint32_t posting) {
    const int n_parts = tables_.layout.n_parts;
    const int64_t place = run.sketches - tables_.sketches + posting;
    const int part = static_cast<int>(place / tables_.n);
    const Probed query = lookup.query();
    if (!tables_.sketches2) {
        verifier_.add(query, part, tables_.postings + place);
        return;
    }
    const int left = run.limit - count_bits(static_cast<unsigned>(run.sketches[posting] ^ run.sketch));
    verifier_.add_after_second(query, part, place, static_cast<uint8_t>(lookup.key((part + 2) % n_parts)),
                               second_sketch_limit(query.thresholds, n_parts, part, left));
}

std::vector<Hits> probe_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                               const uint8_t* queries, int64_t n_queries, int threads) {
    constexpr int64_t kShare = 64;  // queries a thread takes at a time
    const int64_t n_shares = (n_queries + kShare - 1) / kShare;
    const int n_threads = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(threads, n_shares)));
    std::vector<Hits> parts(static_cast<size_t>(n_threads));
    std::atomic<int64_t> next{0};
    run_threads(n_threads, [&](int thread) {
        ProbeSearcher searcher(codes, tables, radius, plan, parts[static_cast<size_t>(thread)]);
        for (int64_t share; (share = next.fetch_add(1)) < n_shares;)
            for (int64_t q = share * kShare; q < std::min(n_queries, (share + 1) * kShare); ++q)
                searcher.take(queries + q * codes.n_bytes, q);
        searcher.finish();
    });
    return parts;
}

}  // namespace hashmatch
