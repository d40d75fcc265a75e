#include "hamming/batch_probe.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "hamming/parallel.h"
#include "hamming/probe.h"
#include "hamming/scan.h"
#include "hamming/verifier.h"
#include "hamming/walk.h"

namespace hashmatch {
namespace {

// Queries sorted together. More would not share buckets any better, and their keys must fit in memory.
constexpr int64_t kBatchQueries = 1 << 20;
// A bucket is overfull from this multiple of the usual size on.
constexpr double kOverfull = 64;
constexpr uint32_t kMinOverfull = 4096;

// Queries sorted by their key in one substring, each with its sketches and its code, which a walk would otherwise
// have to fetch from all over memory.
struct SortedQueries {
    std::vector<uint32_t> directory;
    std::vector<uint32_t> numbers;
    std::vector<uint16_t> sketches;
    std::vector<uint8_t> sketches2;
    std::vector<uint8_t> codes;
};

// Sorts n queries by their key in `substring`; `keys` holds n_substrings keys per query.
void sort_by_key(const SubstringLayout& layout, const std::vector<uint32_t>& keys, const uint8_t* queries, int64_t n,
                 int substring, SortedQueries& sorted) {
    const size_t n_substrings = layout.n_substrings;
    const size_t here = substring, next = (here + 1) % n_substrings, second_next = (here + 2) % n_substrings;
    sorted.directory.assign(layout.n_keys() + 1, 0);
    sorted.numbers.resize(n);
    sorted.sketches.resize(n);
    sorted.sketches2.resize(n);
    const size_t n_bytes = layout.code_bits / 8;
    sorted.codes.resize(n * n_bytes);
    for (int64_t q = 0; q < n; ++q) ++sorted.directory[keys[q * n_substrings + here] + 1];
    for (size_t key = 1; key < sorted.directory.size(); ++key) sorted.directory[key] += sorted.directory[key - 1];
    std::vector<uint32_t> places(sorted.directory.begin(), sorted.directory.end() - 1);
    for (int64_t q = 0; q < n; ++q) {
        const uint32_t place = places[keys[q * n_substrings + here]]++;
        sorted.numbers[place] = static_cast<uint32_t>(q);
        sorted.sketches[place] = static_cast<uint16_t>(keys[q * n_substrings + next]);
        sorted.sketches2[place] = static_cast<uint8_t>(keys[q * n_substrings + second_next]);
        std::memcpy(&sorted.codes[place * n_bytes], queries + q * n_bytes, n_bytes);
    }
}

// The search of one batch of queries.
class Batch {
  public:
    Batch(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, const uint8_t* queries,
          int64_t first, int64_t count, int threads, size_t max_hits)
        : codes_(codes),
          tables_(tables),
          radius_(radius),
          plan_(plan),
          thresholds_(*plan.thresholds),
          queries_(queries + first * codes.n_bytes),
          first_(first),
          count_(count),
          threads_(threads),
          max_hits_(max_hits),
          budget_(plan.scan_cost.ns * static_cast<double>(count)),
          keys_(count * tables.layout.n_substrings),
          deferred_(count),
          overfull_(
              std::max<uint32_t>(kMinOverfull, static_cast<uint32_t>(kOverfull * static_cast<double>(codes.n) /
                                                                     static_cast<double>(tables.layout.n_keys())))) {}

    void search(std::vector<Hits>& per_thread) {
        if (search_tables(per_thread))
            search_deferred(per_thread[0]);
        else
            scan(per_thread);
    }

    // Adds the numbers of the queries left out.
    void search_cheap(std::vector<Hits>& per_thread, std::vector<int64_t>& left_out) {
        const bool is_complete = search_tables(per_thread);
        for (int64_t q = 0; q < count_; ++q)
            if (!is_complete || is_deferred(q)) left_out.push_back(first_ + q);
    }

  private:
    // Finds the hits of all queries but the deferred. Returns false, with nothing reported, if a scan is cheaper or
    // there are too many hits.
    bool search_tables(std::vector<Hits>& per_thread) {
        cut_queries();
        std::vector<Hits> found(threads_);
        SortedQueries sorted;
        for (int substring = 0; substring < tables_.layout.n_substrings; ++substring) {
            if (thresholds_[substring] < 0) continue;
            sort_by_key(tables_.layout, keys_, queries_, count_, substring, sorted);
            const bool is_complete = walk_keys(tables_.layout, threads_, budget_,
                                               [&](int thread, SketchComparer& comparer, const Range& keys) {
                                                   walk(substring, sorted, comparer, keys, found[thread]);
                                               });
            if (!is_complete) return false;
        }
        for (size_t thread = 0; thread < found.size(); ++thread)
            for (const Hit& hit : found[thread])
                if (!is_deferred(hit.query - first_)) per_thread[thread].push_back(hit);
        return true;
    }

    bool is_deferred(int64_t q) const { return deferred_[q].load(std::memory_order_relaxed); }

    void scan(std::vector<Hits>& per_thread) {
        std::vector<Hits> found = scan_search(codes_, queries_, count_, radius_, plan_.n_filter_planes, threads_);
        for (Hits& hits : found)
            for (const Hit& hit : hits) per_thread[0].push_back({first_ + hit.query, hit.id, hit.distance});
    }

    void cut_queries() {
        constexpr int64_t kGrain = 1024;
        parallel_for(count_, kGrain, threads_, [&](int, Ranges& ranges) {
            ranges.for_each([&](int64_t q) {
                tables_.cutter.keys(queries_ + q * codes_.n_bytes, &keys_[q * tables_.layout.n_substrings]);
            });
        });
    }

    void walk(int substring, const SortedQueries& sorted, SketchComparer& comparer, const Range& keys, Hits& hits) {
        const size_t n_known = hits.size();
        Verifier verifier(codes_, tables_, radius_, hits);
        const size_t n_bytes = codes_.n_bytes;
        const HammingBall::Flip* last_flip = tables_.ball.end(thresholds_[substring]);
        for (auto key = static_cast<uint32_t>(keys.begin); key < keys.end; ++key) {
            const Tables::Bucket bucket = tables_.bucket(substring, key);
            if (bucket.size() == 0) continue;
            const Sketches bucket_side = bucket_sketches(tables_, substring, bucket);
            for (const HammingBall::Flip* flip = tables_.ball.begin(); flip < last_flip; ++flip) {
                const uint32_t begin = sorted.directory[key ^ flip->mask],
                               end = sorted.directory[(key ^ flip->mask) + 1];
                const SketchTest test(thresholds_.data(), tables_.layout.n_substrings, substring, flip->bits);
                if (begin == end || test.first_limit() < 0) continue;
                if (bucket.size() >= overfull_) {
                    for (uint32_t i = begin; i < end; ++i)
                        deferred_[sorted.numbers[i]].store(1, std::memory_order_relaxed);
                    continue;
                }
                const Sketches query_side{&sorted.sketches[begin], &sorted.sketches2[begin]};
                comparer.for_near_pairs(
                    query_side, end - begin, bucket_side, bucket.size(), test, [&](uint32_t i, uint32_t j) {
                        if (hits.size() > max_hits_) budget_.exhaust();
                        const size_t at = begin + i;
                        verifier.add({&sorted.codes[at * n_bytes], static_cast<int64_t>(at), thresholds_.data()},
                                     substring, tables_.postings_at(substring, bucket.begin + j));
                    });
            }
        }
        verifier.settle();
        // Places become query numbers only now, as few of the candidates verified are hits.
        for (size_t hit = n_known; hit < hits.size(); ++hit) hits[hit].query = first_ + sorted.numbers[hits[hit].query];
    }

    void search_deferred(Hits& hits) {
        ProbeSearcher searcher(codes_, tables_, radius_, plan_, hits);
        for (int64_t q = 0; q < count_; ++q)
            if (is_deferred(q)) searcher.search(queries_ + q * codes_.n_bytes, first_ + q);
        searcher.finish();
    }

    const Codes& codes_;
    const Tables& tables_;
    const int radius_;
    const SearchPlan& plan_;
    const std::vector<int>& thresholds_;
    const uint8_t* queries_;
    const int64_t first_, count_;
    const int threads_;
    const size_t max_hits_;  // of a thread
    Budget budget_;
    std::vector<uint32_t> keys_;
    std::vector<std::atomic<uint8_t>> deferred_;
    const uint32_t overfull_;
};

}  // namespace

std::vector<Hits> batch_probe_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                                     const uint8_t* queries, int64_t n_queries, int threads) {
    std::vector<Hits> per_thread(threads);
    for (int64_t first = 0; first < n_queries; first += kBatchQueries)
        Batch(codes, tables, radius, plan, queries, first, std::min(kBatchQueries, n_queries - first), threads,
              SIZE_MAX)
            .search(per_thread);
    return per_thread;
}

std::vector<int64_t> batch_probe_cheap(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                                       const uint8_t* queries, int64_t n_queries, int threads, int64_t max_hits,
                                       std::vector<Hits>& per_thread) {
    std::vector<int64_t> left_out;
    for (int64_t first = 0; first < n_queries; first += kBatchQueries)
        Batch(codes, tables, radius, plan, queries, first, std::min(kBatchQueries, n_queries - first), threads,
              max_hits)
            .search_cheap(per_thread, left_out);
    return left_out;
}

}  // namespace hashmatch
