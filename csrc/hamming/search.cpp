#include "hamming/search.h"

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
    return find_nearest(codes_, tables_ ? &*tables_ : nullptr, planner_, queries, n_queries, k, threads);
}

}  // namespace hashmatch
