#include "hamming/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "hamming/batch_probe.h"
#include "hamming/cost_model.h"
#include "hamming/nearest_scan.h"
#include "hamming/parallel.h"
#include "hamming/probe.h"

namespace hashmatch {
namespace {

// Hits held at once before each query's are reduced to the k nearest.
constexpr size_t kPendingHits = size_t{1} << 20;

// Some of the queries, with their numbers among all.
struct Queries {
    std::vector<int64_t> numbers;
    std::vector<uint8_t> codes;

    int64_t size() const { return std::ssize(numbers); }
    void add(const Queries& from, int64_t place, int n_bytes) {
        numbers.push_back(from.numbers[place]);
        const uint8_t* code = &from.codes[place * n_bytes];
        codes.insert(codes.end(), code, code + n_bytes);
    }
};

// Turns the rows of the hits from `begin` on, which are grouped by query, into ids, and keeps the k nearest of each
// query.
void keep_nearest(const Codes& codes, int64_t k, size_t begin, Hits& hits) {
    const auto is_nearer = [](const Hit& a, const Hit& b) {
        return Neighbour{a.distance, a.id} < Neighbour{b.distance, b.id};
    };
    auto kept = hits.begin() + static_cast<ptrdiff_t>(begin);
    for (auto first = kept, last = kept; first != hits.end(); first = last) {
        for (; last != hits.end() && last->query == first->query; ++last) last->id = codes.id(last->id);
        const int64_t n_kept = std::min<int64_t>(k, last - first);
        if (n_kept < last - first) std::nth_element(first, first + n_kept, last, is_nearer);
        kept = std::move(first, first + n_kept, kept);
    }
    hits.erase(kept, hits.end());
}

class NearestSearch {
  public:
    NearestSearch(const Codes& codes, const Tables& tables, int64_t k, int threads)
        : codes_(codes), tables_(tables), k_(k), threads_(threads) {}

    // Finds codes within the radius: of each query all, or at least k, the nearest among them. Returns the places of
    // the queries that would cost more than plan.scan_cost, of which nothing is reported.
    std::vector<int64_t> probe(const Queries& queries, int radius, const SearchPlan& plan, const SearchPlan& lone_plan,
                               std::vector<Hits>& per_thread) const {
        std::vector<int64_t> left(queries.size());
        std::iota(left.begin(), left.end(), 0);
        if (plan.strategy == Strategy::kBatchProbe) {
            const int64_t max_hits = static_cast<int64_t>(kPendingHits) / threads_ + queries.size() * k_;
            left = batch_probe_cheap(codes_, tables_, radius, plan, queries.codes.data(), queries.size(), threads_,
                                     max_hits, per_thread);
            for (Hits& hits : per_thread)
                for (Hit& hit : hits) hit.id = codes_.id(hit.id);
        }
        return probe_each(queries, left, radius, lone_plan, per_thread);
    }

  private:
    std::vector<int64_t> probe_each(const Queries& queries, const std::vector<int64_t>& places, int radius,
                                    const SearchPlan& plan, std::vector<Hits>& per_thread) const {
        constexpr int64_t kGrain = 64;
        std::vector<std::vector<int64_t>> costly(threads_);
        parallel_for(std::ssize(places), kGrain, threads_, [&](int thread, Ranges& ranges) {
            Hits& hits = per_thread[thread];
            size_t n_reduced = hits.size();
            const auto reduce = [&](ProbeSearcher& searcher) {
                searcher.finish();
                keep_nearest(codes_, k_, n_reduced, hits);
                n_reduced = hits.size();
            };
            ProbeSearcher searcher(codes_, tables_, radius, plan, hits, &costly[thread]);
            ranges.for_each([&](int64_t i) {
                searcher.search(&queries.codes[places[i] * codes_.n_bytes], places[i]);
                if (hits.size() - n_reduced > kPendingHits) reduce(searcher);
            });
            reduce(searcher);
        });
        for (int thread = 1; thread < threads_; ++thread)
            costly[0].insert(costly[0].end(), costly[thread].begin(), costly[thread].end());
        return costly[0];
    }

    const Codes& codes_;
    const Tables& tables_;
    const int64_t k_;
    const int threads_;
};

}  // namespace

SearchResult find_nearest(const Codes& codes, const Tables* tables, const Planner& planner, const uint8_t* queries,
                          int64_t n_queries, int64_t k, int threads) {
    k = std::min(k, codes.n);
    std::vector<Hits> settled(1);
    if (k < 1) return merge_hits(settled, n_queries);
    Queries open{std::vector<int64_t>(n_queries), {queries, queries + n_queries * codes.n_bytes}}, costly;
    std::iota(open.numbers.begin(), open.numbers.end(), 0);
    // The radius grows by one threshold of every substring at a time.
    const int step = tables ? tables->layout.n_substrings : 0;
    const double worthwhile_ns = worthwhile_probe_ns(codes.n_bytes, codes.n);
    double spent_ns = 0;
    for (int radius = step - 1; step > 0 && open.size() > 0 && radius <= 8 * codes.n_bytes; radius += step) {
        SearchPlan plan = planner.plan(radius, open.size());
        spent_ns += plan.cost.ns;
        if (plan.strategy == Strategy::kScan || spent_ns > worthwhile_ns) break;
        SearchPlan lone_plan = planner.plan(radius, open.size(), Strategy::kProbe);
        plan.scan_cost.ns = lone_plan.scan_cost.ns = worthwhile_ns;
        std::vector<Hits> per_thread(threads);
        std::vector<uint8_t> is_costly(open.size());
        for (const int64_t place :
             NearestSearch(codes, *tables, k, threads).probe(open, radius, plan, lone_plan, per_thread))
            is_costly[place] = 1;
        const SearchResult found = merge_hits(per_thread, open.size());
        Queries still_open;
        for (int64_t i = 0; i < open.size(); ++i) {
            const int64_t begin = found.offsets[i], end = found.offsets[i + 1];
            if (is_costly[i]) {
                costly.add(open, i, codes.n_bytes);
            } else if (end - begin < k) {
                still_open.add(open, i, codes.n_bytes);
            } else {
                for (int64_t hit = begin; hit < begin + k; ++hit)
                    settled[0].push_back({open.numbers[i], found.ids[hit], found.distances[hit]});
            }
        }
        open = std::move(still_open);
    }
    for (int64_t i = 0; i < costly.size(); ++i) open.add(costly, i, codes.n_bytes);
    if (open.size() > 0)
        for (const Hits& hits : scan_nearest(codes, open.codes.data(), open.size(), k, threads))
            for (const Hit& hit : hits) settled[0].push_back({open.numbers[hit.query], hit.id, hit.distance});
    return merge_hits(settled, n_queries);
}

}  // namespace hashmatch
