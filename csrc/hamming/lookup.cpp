#include "hamming/lookup.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace hashmatch {
namespace {

// Looking up a key costs about as much as comparing this many sketches.
constexpr double kProbeSketches = 90;
// Thresholds are chosen anew where a query meets this many times the usual number of candidates.
constexpr uint64_t kCrowded = 4;

}  // namespace

Lookup::Lookup(const Tables& tables, int radius, const std::vector<int>& thresholds)
    : tables_(tables), radius_(radius), usual_thresholds_(thresholds) {
    size_t n_probes = 0;
    for (const int threshold : thresholds) n_probes += tables.flips.count(threshold);
    usual_probes_ = n_probes;
    usual_candidates_ =
        n_probes * static_cast<uint64_t>(tables.n) / static_cast<uint64_t>(tables.layout.n_keys()) + 4 * n_probes;
}

void Lookup::find(const uint8_t* query, int64_t number) {
    query_ = query;
    number_ = number;
    n_probes_ = 0;
    make_room(usual_probes_ + 1);  // one is written before it is known to count
    tables_.cutter.keys(query, keys_);
    std::copy(usual_thresholds_.begin(), usual_thresholds_.end(), thresholds_);
    prefetch_directory();
    find_buckets();
    has_own_thresholds_ = n_candidates_ > kCrowded * usual_candidates_ && relieve();
    if (has_own_thresholds_) find_buckets();
    prefetch_runs();
}

void Lookup::make_room(size_t more) {
    if (n_probes_ + more <= room_) return;
    room_ = std::max(2 * room_, n_probes_ + more);
    std::unique_ptr<SketchProbe[]> larger(new SketchProbe[room_]);
    std::copy(probes_.get(), probes_.get() + n_probes_, larger.get());
    probes_.swap(larger);
}

// Finds the bucket of every key within the thresholds.
void Lookup::find_buckets() {
    const int n_parts = tables_.layout.n_parts;
    n_probes_ = 0;
    n_candidates_ = 0;
    for (int part = 0; part < n_parts; ++part) {
        const uint16_t sketch = static_cast<uint16_t>(keys_[part + 1 < n_parts ? part + 1 : 0]);
        for (int bits = 0; bits <= thresholds_[part]; ++bits) {
            const int limit = sketch_limit(thresholds_, n_parts, part, bits);
            if (limit < 0) break;
            find_flips(part, keys_[part], bits, {nullptr, 0, sketch, static_cast<int16_t>(limit)});
        }
    }
}

// Looks up the keys that differ from `key` in just so many bits.
void Lookup::find_flips(int part, uint32_t key, int bits, SketchProbe probe) {
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
void Lookup::cut_last_run(size_t n_to_come) {
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

// Asks memory for what find_buckets() will read, all of it before any is read: a look-up that waits keeps the
// requests behind it from being made. Like everything that is reached at random it goes to the second-level
// cache, which can wait for about twice as many lines at a time as the first.
void Lookup::prefetch_directory() const {
    for (int part = 0; part < tables_.layout.n_parts; ++part) {
        // Beyond two flipped bits there are more keys than a cache holds; then the processor must wait.
        const Flips::Flip* end = tables_.flips.end(std::min(thresholds_[part], 2));
        for (const Flips::Flip* flip = tables_.flips.begin(); flip < end; ++flip)
            prefetch(tables_.directory_entry(part, keys_[part] ^ flip->mask));
    }
}

// Asks memory for the runs that are compared first.
void Lookup::prefetch_runs() const {
    for (size_t probe = 0; probe < std::min(n_probes_, kProbesAhead); ++probe) prefetch_run(probes_[probe]);
}

// Chooses other thresholds with the same sum that keep away from this query's fullest buckets (per-query
// threshold allocation, Qin et al., "GPH", ICDE 2018); false where none promise less work.
bool Lookup::relieve() {
    const int n_parts = tables_.layout.n_parts;
    const int most = std::min(kMaxThreshold, tables_.layout.part_bits);
    const int choices = most + 2;   // thresholds -1 .. most
    const int total = radius_ + 1;  // sum of (threshold + 1)
    const double usual = static_cast<double>(tables_.n) / static_cast<double>(tables_.layout.n_keys()) + kProbeSketches;
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
                cost[threshold + 1] += tables_.bucket(part, keys_[part] ^ flip->mask).size();
        }
        before += cost[thresholds_[part] + 1];
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
        thresholds_[part] = raised - 1;
        sum -= static_cast<size_t>(raised);
    }
    return true;
}

}  // namespace hashmatch
