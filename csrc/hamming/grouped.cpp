#include "hamming/grouped.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "hamming/probe.h"
#include "hamming/scan.h"
#include "hamming/threads.h"
#include "hamming/verifier.h"
#include "hamming/walk.h"

namespace hashmatch {
namespace {

// Queries sorted together; more would not share buckets better, and their keys must fit in memory.
constexpr int64_t kGroupQueries = 1 << 20;
// A bucket is overfull from this size on, in multiples of the usual one.
constexpr double kOverfull = 64;
constexpr uint32_t kLeastOverfull = 4096;

// One side of the walk: queries sorted by their key in one part, each with its sketch and its code, for
// which a walk would else have to reach all over memory.
struct Sorted {
    std::vector<uint32_t> directory;
    std::vector<uint32_t> items;
    std::vector<uint16_t> sketches;
    std::vector<uint8_t> sketches2;
    std::vector<uint8_t> codes;
};

// Sorts n queries by their key in `part`; `keys` holds n_parts keys a query.
void sort_by_key(const PartLayout& layout, const std::vector<uint32_t>& keys, const uint8_t* queries, int64_t n,
                 int part, Sorted& sorted) {
    const size_t n_parts = static_cast<size_t>(layout.n_parts);
    const size_t here = static_cast<size_t>(part), next = (here + 1) % n_parts, second_next = (here + 2) % n_parts;
    sorted.directory.assign(static_cast<size_t>(layout.n_keys()) + 1, 0);
    sorted.items.resize(static_cast<size_t>(n));
    sorted.sketches.resize(static_cast<size_t>(n));
    sorted.sketches2.resize(static_cast<size_t>(n));
    const size_t n_bytes = static_cast<size_t>(layout.code_bits) / 8;
    sorted.codes.resize(static_cast<size_t>(n) * n_bytes);
    for (size_t q = 0; q < static_cast<size_t>(n); ++q) ++sorted.directory[keys[q * n_parts + here] + 1];
    for (size_t key = 1; key < sorted.directory.size(); ++key) sorted.directory[key] += sorted.directory[key - 1];
    std::vector<uint32_t> places(sorted.directory.begin(), sorted.directory.end() - 1);
    for (size_t q = 0; q < static_cast<size_t>(n); ++q) {
        const uint32_t place = places[keys[q * n_parts + here]]++;
        sorted.items[place] = static_cast<uint32_t>(q);
        sorted.sketches[place] = static_cast<uint16_t>(keys[q * n_parts + next]);
        sorted.sketches2[place] = static_cast<uint8_t>(keys[q * n_parts + second_next]);
        std::memcpy(&sorted.codes[place * n_bytes], queries + q * n_bytes, n_bytes);
    }
}

Sketches sketches_of(const Tables& tables, int part, Tables::Bucket bucket) {
    return {tables.sketches_at(part, bucket.begin), tables.sketches2_at(part, bucket.begin)};
}

// The search of one group of queries.
class Group {
  public:
    Group(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan, const uint8_t* queries,
          int64_t first, int64_t count, int threads)
        : codes_(codes),
          tables_(tables),
          radius_(radius),
          plan_(plan),
          thresholds_(*plan.thresholds),
          queries_(queries + first * codes.n_bytes),
          first_(first),
          count_(count),
          threads_(threads),
          budget_(plan.scan_cost.ns * static_cast<double>(count)),
          keys_(static_cast<size_t>(count * tables.layout.n_parts)),
          set_aside_(static_cast<size_t>(count)),
          overfull_(
              std::max<uint32_t>(kLeastOverfull, static_cast<uint32_t>(kOverfull * static_cast<double>(codes.n) /
                                                                       static_cast<double>(tables.layout.n_keys())))) {}

    void search(std::vector<Hits>& parts) {
        if (!search_tables(parts)) scan(parts);
    }

  private:
    // False where a scan is cheaper; nothing has then been reported.
    bool search_tables(std::vector<Hits>& parts) {
        cut_queries();
        std::vector<Hits> found(static_cast<size_t>(threads_));
        Sorted sorted;
        for (int part = 0; part < tables_.layout.n_parts; ++part) {
            if (thresholds_[static_cast<size_t>(part)] < 0) continue;
            sort_by_key(tables_.layout, keys_, queries_, count_, part, sorted);
            const bool is_whole =
                walk_keys(tables_.layout, threads_, budget_,
                          [&](int thread, SketchComparer& comparer, int64_t first_key, int64_t last_key) {
                              walk(part, sorted, comparer, first_key, last_key, found[static_cast<size_t>(thread)]);
                          });
            if (!is_whole) return false;
        }
        for (size_t thread = 0; thread < found.size(); ++thread)
            for (const Hit& hit : found[thread])
                if (!set_aside_[static_cast<size_t>(hit.query - first_)].load(std::memory_order_relaxed))
                    parts[thread].push_back(hit);
        search_set_aside(parts[0]);
        return true;
    }

    void scan(std::vector<Hits>& parts) {
        std::vector<Hits> found = scan_search(codes_, queries_, count_, radius_, plan_.scan, threads_);
        for (Hits& hits : found)
            for (const Hit& hit : hits) parts[0].push_back({first_ + hit.query, hit.id, hit.distance});
    }

    void cut_queries() {
        std::atomic<int64_t> next{0};
        run_threads(threads_, [&](int) {
            for (int64_t q; (q = next.fetch_add(1024)) < count_;)
                for (int64_t i = q; i < std::min(q + 1024, count_); ++i)
                    tables_.cutter.keys(queries_ + i * codes_.n_bytes,
                                        &keys_[static_cast<size_t>(i * tables_.layout.n_parts)]);
        });
    }

    void walk(int part, const Sorted& sorted, SketchComparer& comparer, int64_t first_key, int64_t last_key,
              Hits& hits) {
        const size_t n_known = hits.size();
        Verifier verifier(codes_, tables_, radius_, hits);
        const size_t n_bytes = static_cast<size_t>(codes_.n_bytes);
        const Flips::Flip* last_flip = tables_.flips.end(thresholds_[static_cast<size_t>(part)]);
        for (uint32_t key = static_cast<uint32_t>(first_key); key < last_key; ++key) {
            const Tables::Bucket bucket = tables_.bucket(part, key);
            if (bucket.size() == 0) continue;
            const Sketches mine = sketches_of(tables_, part, bucket);
            for (const Flips::Flip* flip = tables_.flips.begin(); flip < last_flip; ++flip) {
                const uint32_t begin = sorted.directory[key ^ flip->mask],
                               end = sorted.directory[(key ^ flip->mask) + 1];
                const SketchTest test(thresholds_.data(), tables_.layout.n_parts, part, flip->bits);
                if (begin == end || test.first_limit() < 0) continue;
                if (bucket.size() >= overfull_) {
                    for (uint32_t i = begin; i < end; ++i)
                        set_aside_[sorted.items[i]].store(1, std::memory_order_relaxed);
                    continue;
                }
                const Sketches theirs{&sorted.sketches[begin], &sorted.sketches2[begin]};
                comparer.for_near_pairs(theirs, end - begin, mine, bucket.size(), test, [&](uint32_t i, uint32_t j) {
                    const size_t at = begin + i;
                    verifier.add({&sorted.codes[at * n_bytes], static_cast<int64_t>(at), thresholds_.data()}, part,
                                 tables_.postings_at(part, bucket.begin + j));
                });
            }
        }
        verifier.settle();
        // Only now is it asked which queries they were: few of those that were verified are hits.
        for (size_t hit = n_known; hit < hits.size(); ++hit)
            hits[hit].query = first_ + sorted.items[static_cast<size_t>(hits[hit].query)];
    }

    void search_set_aside(Hits& hits) {
        ProbeSearcher searcher(codes_, tables_, radius_, plan_, hits);
        for (int64_t q = 0; q < count_; ++q)
            if (set_aside_[static_cast<size_t>(q)].load(std::memory_order_relaxed))
                searcher.take(queries_ + q * codes_.n_bytes, first_ + q);
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
    Budget budget_;
    std::vector<uint32_t> keys_;
    std::vector<std::atomic<uint8_t>> set_aside_;
    const uint32_t overfull_;
};

// Every bucket from first_key to last_key meets the buckets of the keys near its own.
void join_buckets(const Codes& codes, const Tables& tables, const std::vector<int>& thresholds, int part,
                  int64_t first_key, int64_t last_key, SketchComparer& comparer, Verifier& verifier) {
    const Flips::Flip* last_flip = tables.flips.end(thresholds[static_cast<size_t>(part)]);
    for (uint32_t key = static_cast<uint32_t>(first_key); key < last_key; ++key) {
        const Tables::Bucket mine = tables.bucket(part, key);
        if (mine.size() == 0) continue;
        for (const Flips::Flip* flip = tables.flips.begin(); flip < last_flip; ++flip) {
            if ((key ^ flip->mask) < key) continue;  // the other bucket has met this one
            const Tables::Bucket other = tables.bucket(part, key ^ flip->mask);
            const SketchTest test(thresholds.data(), tables.layout.n_parts, part, flip->bits);
            if (other.size() == 0 || test.first_limit() < 0) continue;
            const uint32_t* rows = tables.postings_at(part, mine.begin);
            const uint32_t* others = tables.postings_at(part, other.begin);
            const Sketches my_sketches = sketches_of(tables, part, mine), sketches = sketches_of(tables, part, other);
            comparer.for_near_pairs(
                my_sketches, mine.size(), sketches, other.size(), test, [&](uint32_t i, uint32_t j) {
                    if (flip->mask == 0 && rows[i] >= others[j]) return;
                    if (rows[i] >= codes.n) return;  // a damaged table
                    verifier.add({codes.code(rows[i]), rows[i], thresholds.data()}, part, &others[j]);
                });
        }
    }
    verifier.settle();
}

}  // namespace

std::vector<Hits> grouped_search(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                                 const uint8_t* queries, int64_t n_queries, int threads) {
    std::vector<Hits> parts(static_cast<size_t>(threads));
    for (int64_t first = 0; first < n_queries; first += kGroupQueries)
        Group(codes, tables, radius, plan, queries, first, std::min(kGroupQueries, n_queries - first), threads)
            .search(parts);
    return parts;
}

std::vector<Hits> table_join(const Codes& codes, const Tables& tables, int radius, const SearchPlan& plan,
                             int threads) {
    std::vector<Hits> found(static_cast<size_t>(threads));
    const std::vector<int>& thresholds = *plan.thresholds;
    // Half of it: a scan meets each pair of rows once, too.
    Budget budget(plan.scan_cost.ns / 2 * static_cast<double>(codes.n));
    for (int part = 0; part < tables.layout.n_parts; ++part) {
        const bool is_whole =
            walk_keys(tables.layout, threads, budget,
                      [&](int thread, SketchComparer& comparer, int64_t first_key, int64_t last_key) {
                          Verifier verifier(codes, tables, radius, found[static_cast<size_t>(thread)]);
                          join_buckets(codes, tables, thresholds, part, first_key, last_key, comparer, verifier);
                      });
        if (!is_whole) {
            found.clear();  // before the scan takes memory, too
            return scan_join(codes, radius, plan.scan, threads);
        }
    }
    for (Hits& hits : found)
        for (Hit& hit : hits)
            if (hit.query > hit.id) std::swap(hit.query, hit.id);
    return found;
}

}  // namespace hashmatch
