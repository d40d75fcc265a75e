#include "hamming/search.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "hamming/batch_probe.h"
#include "hamming/nearest.h"
#include "hamming/probe.h"
#include "hamming/scan.h"
#include "hamming/table_join.h"

namespace hashmatch {

Searcher::Searcher(const Codes& codes, std::optional<Tables> tables)
    : codes_(codes), tables_(std::move(tables)), planner_(codes_, layout(), tables_ && tables_->sketches2 ? 2 : 1) {}

std::vector<Hits> Searcher::run(const SearchPlan& plan, const uint8_t* queries, int64_t n_queries, int radius,
                                int threads) const {
    std::vector<Hits> per_thread;
    switch (plan.strategy) {
        case Strategy::kScan:
            per_thread = scan_search(codes_, queries, n_queries, radius, plan.n_filter_planes, threads);
            break;
        case Strategy::kProbe:
            per_thread = probe_search(codes_, *tables_, radius, plan, queries, n_queries, threads);
            break;
        case Strategy::kBatchProbe:
            per_thread = batch_probe_search(codes_, *tables_, radius, plan, queries, n_queries, threads);
    }
    if (codes_.ids)
        for (Hits& hits : per_thread)
            for (Hit& hit : hits) hit.id = codes_.ids[hit.id];
    return per_thread;
}

SearchResult Searcher::search(const uint8_t* queries, int64_t n_queries, int radius, int threads) const {
    return search(queries, n_queries, radius, threads, planner_.plan(radius, n_queries));
}

SearchResult Searcher::search(const uint8_t* queries, int64_t n_queries, int radius, int threads,
                              const SearchPlan& plan) const {
    std::vector<Hits> per_thread = run(plan, queries, n_queries, radius, threads);
    return merge_hits(per_thread, n_queries);
}

SearchResult Searcher::join(int radius, int threads) const {
    const SearchPlan plan = planner_.plan(radius, codes_.n);
    std::vector<Hits> per_thread = plan.strategy == Strategy::kScan
                                       ? scan_join(codes_, radius, plan.n_filter_planes, threads)
                                       : table_join(codes_, *tables_, radius, plan, threads);
    return merge_hits(per_thread, codes_.n);
}

SearchResult Searcher::nearest(const uint8_t* queries, int64_t n_queries, int64_t k, int threads) const {
    const size_t n_bytes = codes_.n_bytes;
    const int64_t n_wanted = std::min(k, codes_.n);
    std::vector<Hits> per_thread(1);
    std::vector<int64_t> open(n_wanted > 0 ? n_queries : 0);  // numbers of the queries not settled yet
    std::iota(open.begin(), open.end(), 0);
    std::vector<uint8_t> open_codes(queries, queries + open.size() * n_bytes);
    // A radius that holds k codes holds the k nearest. So the radius grows, by one threshold of every substring at
    // a time, while that is much cheaper than comparing every code.
    const int step = layout().n_substrings;
    for (int radius = step - 1; step > 0 && !open.empty(); radius += step) {
        if (radius > 8 * codes_.n_bytes) break;
        const SearchPlan plan = planner_.plan(radius, std::ssize(open));
        if (plan.strategy == Strategy::kScan || plan.cost.ns > plan.scan_cost.ns / 4) break;
        std::vector<Hits> within = run(plan, open_codes.data(), std::ssize(open), radius, threads);
        const SearchResult found = merge_hits(within, std::ssize(open));
        size_t n_open = 0;
        for (size_t i = 0; i < open.size(); ++i) {
            const int64_t begin = found.offsets[i], end = found.offsets[i + 1];
            if (end - begin < n_wanted) {
                std::memmove(&open_codes[n_open * n_bytes], &open_codes[i * n_bytes], n_bytes);
                open[n_open++] = open[i];
                continue;
            }
            for (int64_t hit = begin; hit < begin + n_wanted; ++hit)
                per_thread[0].push_back({open[i], found.ids[hit], found.distances[hit]});
        }
        open.resize(n_open);
    }
    if (!open.empty())
        for (const Hits& hits : scan_nearest(codes_, open_codes.data(), std::ssize(open), n_wanted, threads))
            for (const Hit& hit : hits) per_thread[0].push_back({open[hit.query], hit.id, hit.distance});
    return merge_hits(per_thread, n_queries);
}

}  // namespace hashmatch
