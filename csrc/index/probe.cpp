#include "index/probe.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "index/scan.h"
#include "index/threads.h"

namespace hashmatch {
namespace {

// Directory entries are asked of memory this many parts before they are needed.
constexpr int kPartsAhead = 3;
// A longer run of sketches is cut.
constexpr uint32_t kRunPostings = 1024;
// Sketches compared in one call.
constexpr uint32_t kCallPostings = 8192;
// Looking up a key costs about as much as comparing this many sketches.
constexpr double kProbeSketches = 90;
// Thresholds are chosen anew where a query meets this many times the usual number of candidates.
constexpr uint64_t kCrowded = 4;

}  // namespace

ProbeSearcher::ProbeSearcher(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, Hits& hits)
    : codes_(codes),
      tables_(tables),
      radius_(radius),
      plan_(plan),
      kernel_(*active_kernel().hamming),
      hits_(hits),
      verifier_(codes, tables, radius, hits),
      near_(new NearPair[kCallPostings]) {
    size_t n_probes = 0;
    for (const int threshold : *plan.thresholds) n_probes += tables.flips.count(threshold);
    make_room(n_probes + 1);  // one is written before it is known to count
    usual_candidates_ =
        n_probes * static_cast<uint64_t>(codes.n) / static_cast<uint64_t>(tables.layout.n_keys()) + 4 * n_probes;
    most_candidates_ = static_cast<uint64_t>(plan.scan_cost.ns / kSketchNs);
    most_verified_ = static_cast<uint64_t>(plan.scan_cost.ns / (2 * kVerifyNs));
}

void ProbeSearcher::search(const uint8_t* query, int64_t number) {
    uint32_t keys[kMaxParts];
    int thresholds[kMaxParts];
    tables_.cutter.keys(query, keys);
    std::copy(plan_.thresholds->begin(), plan_.thresholds->end(), thresholds);
    const size_t n_hits = hits_.size();
    look_up(keys, thresholds);
    if (n_candidates_ > kCrowded * usual_candidates_ && relieve(keys, thresholds)) look_up(keys, thresholds);
    if (n_candidates_ <= most_candidates_ && compare_sketches({query, number, thresholds})) {
        verifier_.settle();
        return;
    }
    verifier_.forget();
    hits_.resize(n_hits);
    scan_one(codes_, query, number, radius_, plan_.scan, hits_);
}

void ProbeSearcher::make_room(size_t more) {
    if (n_probes_ + more <= room_) return;
    room_ = std::max(2 * room_, n_probes_ + more);
    std::unique_ptr<SketchProbe[]> larger(new SketchProbe[room_]);
    std::copy(probes_.get(), probes_.get() + n_probes_, larger.get());
    probes_.swap(larger);
}

// Finds the bucket of every key within the thresholds.
void ProbeSearcher::look_up(const uint32_t* keys, const int* thresholds) {
    const int n_parts = tables_.layout.n_parts;
    n_probes_ = 0;
    n_candidates_ = 0;
    for (int part = 0; part < std::min(kPartsAhead, n_parts); ++part)
        prefetch_directory(part, keys[part], thresholds[part]);
    for (int part = 0; part < n_parts; ++part) {
        const int later = part + kPartsAhead;
        if (later < n_parts) prefetch_directory(later, keys[later], thresholds[later]);
        const uint16_t sketch = static_cast<uint16_t>(keys[part + 1 < n_parts ? part + 1 : 0]);
        for (int bits = 0; bits <= thresholds[part]; ++bits) {
            const int limit = sketch_limit(thresholds, n_parts, part, bits);
            if (limit < 0) break;
            look_up_flips(part, keys[part], bits, {nullptr, 0, sketch, static_cast<int16_t>(limit)});
        }
    }
}

// Looks up the keys that differ from `key` in just so many bits.
void ProbeSearcher::look_up_flips(int part, uint32_t key, int bits, SketchProbe probe) {
    const uint32_t* directory = tables_.directory_entry(part, 0);
    const uint16_t* sketches = tables_.sketches_at(part, 0);
    const int64_t n = tables_.n;
    const Flips::Flip* flip = tables_.flips.end(bits - 1);
    const Flips::Flip* end = tables_.flips.end(bits);
    make_room(static_cast<size_t>(end - flip) + 1);
    SketchProbe* next = probes_.get() + n_probes_;
    uint64_t n_candidates = 0;
    for (; flip < end; ++flip) {
        const Tables::Bucket bucket = Tables::bucket_at(directory + (key ^ flip->mask), n);
        probe.sketches = sketches + bucket.begin;
        probe.count = bucket.size();
        // Written in any case and counted where there is something: whether there is, nobody can guess,
        // and the processor would too often guess wrongly.
        *next = probe;
        if (next - probes_.get() < static_cast<ptrdiff_t>(kProbesAhead)) prefetch_run(probe);
        next += probe.count > 0;
        n_candidates += probe.count;
        if (probe.count > kRunPostings) {
            n_probes_ = static_cast<size_t>(next - probes_.get());
            cut_last_run(static_cast<size_t>(end - flip));
            next = probes_.get() + n_probes_;
        }
    }
    n_probes_ = static_cast<size_t>(next - probes_.get());
    n_candidates_ += n_candidates;
}

// Cuts the last run into runs of at most kRunPostings, and leaves room for n_to_come probes.
void ProbeSearcher::cut_last_run(size_t n_to_come) {
    SketchProbe rest = probes_[--n_probes_];
    make_room(rest.count / kRunPostings + 1 + n_to_come);
    while (rest.count > 0) {
        SketchProbe run = rest;
        run.count = std::min(rest.count, kRunPostings);
        probes_[n_probes_++] = run;
        rest.sketches += run.count;
        rest.count -= run.count;
    }
}

void ProbeSearcher::prefetch_directory(int part, uint32_t key, int threshold) const {
    // Beyond two flipped bits there are more keys than a cache holds; then the processor must wait.
    const Flips::Flip* end = tables_.flips.end(std::min(threshold, 2));
    for (const Flips::Flip* flip = tables_.flips.begin(); flip < end; ++flip)
        __builtin_prefetch(tables_.directory_entry(part, key ^ flip->mask));
}

// Chooses other thresholds with the same sum that keep away from this query's fullest buckets (per-query
// threshold allocation, Qin et al., "GPH", ICDE 2018); false where none promise less work.
bool ProbeSearcher::relieve(const uint32_t* keys, int* thresholds) const {
    const int n_parts = tables_.layout.n_parts;
    const int most = std::min(kMaxThreshold, tables_.layout.part_bits);
    const int choices = most + 2;   // thresholds -1 .. most
    const int total = radius_ + 1;  // sum of (threshold + 1)
    const double usual = static_cast<double>(codes_.n) / static_cast<double>(tables_.layout.n_keys()) + kProbeSketches;
    std::vector<double> costs(static_cast<size_t>(n_parts * choices));
    double before = 0;
    for (int part = 0; part < n_parts; ++part) {
        double* cost = &costs[static_cast<size_t>(part * choices)];
        cost[0] = 0;
        for (int threshold = 0; threshold <= most; ++threshold) {
            const double more =
                static_cast<double>(tables_.flips.count(threshold) - tables_.flips.count(threshold - 1));
            cost[threshold + 1] = cost[threshold] + more * usual;
            if (threshold > 1) continue;  // only the nearest keys' buckets are worth counting
            cost[threshold + 1] = cost[threshold] + more * kProbeSketches;
            for (const auto* flip = tables_.flips.end(threshold - 1); flip < tables_.flips.end(threshold); ++flip)
                cost[threshold + 1] += tables_.bucket(part, keys[part] ^ flip->mask).size();
        }
        before += cost[thresholds[part] + 1];
    }
    // least[part][sum]: the least cost of the parts so far with that sum of (threshold + 1).
    const size_t width = static_cast<size_t>(total) + 1;
    std::vector<double> least(width, HUGE_VAL), next(width);
    std::vector<int8_t> choice(static_cast<size_t>(n_parts) * width, -1);
    least[0] = 0;
    for (int part = 0; part < n_parts; ++part) {
        std::fill(next.begin(), next.end(), HUGE_VAL);
        for (size_t sum = 0; sum < width; ++sum) {
            if (least[sum] == HUGE_VAL) continue;
            for (size_t raised = 0; raised < static_cast<size_t>(choices) && sum + raised < width; ++raised) {
                const double cost = least[sum] + costs[static_cast<size_t>(part * choices) + raised];
                if (cost >= next[sum + raised]) continue;
                next[sum + raised] = cost;
                choice[static_cast<size_t>(part) * width + sum + raised] = static_cast<int8_t>(raised);
            }
        }
        least.swap(next);
    }
    if (least[width - 1] >= before) return false;
    size_t sum = width - 1;
    for (int part = n_parts - 1; part >= 0; --part) {
        const int raised = choice[static_cast<size_t>(part) * width + sum];
        thresholds[part] = raised - 1;
        sum -= static_cast<size_t>(raised);
    }
    return true;
}

// False where more codes ask to be compared whole than a scan would cost; some are then left out.
bool ProbeSearcher::compare_sketches(const Probed& query) {
    uint64_t n_verified = 0;
    for (size_t first = 0, last = 0; first < n_probes_; first = last) {
        uint32_t n_sketches = 0;
        while (last < n_probes_ && n_sketches + probes_[last].count <= kCallPostings) n_sketches += probes_[last++].count;
        const size_t found = kernel_.near_probes(&probes_[first], last - first, n_probes_ - last, near_.get());
        n_verified += found;
        if (n_verified > most_verified_) return false;
        for (size_t pair = 0; pair < found; ++pair) {
            const uint16_t* run = probes_[first + near_[pair].query].sketches;
            const int64_t place = run - tables_.sketches + near_[pair].posting;
            verifier_.add(query, static_cast<int>(place / tables_.n), tables_.postings + place);
        }
    }
    return true;
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
                searcher.search(queries + q * codes.n_bytes, q);
    });
    return parts;
}

}  // namespace hashmatch
