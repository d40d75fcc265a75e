#include "hamming/search.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "hamming/grouped.h"
#include "hamming/nearest.h"
#include "hamming/probe.h"
#include "hamming/scan.h"

namespace hashmatch {

Engine::Engine(const Codes& codes, std::optional<Tables> tables)
    : codes_(codes), tables_(std::move(tables)), planner_(codes_, layout(), tables_ && tables_->sketches2 ? 2 : 1) {}

std::vector<Hits> Engine::carry_out(const SearchPlan& plan, const uint8_t* queries, int64_t n_queries, int radius,
                                    int threads) const {
    std::vector<Hits> parts;
    if (plan.way == Way::kScan) parts = scan_search(codes_, queries, n_queries, radius, plan.scan, threads);
    if (plan.way == Way::kProbe) parts = probe_search(codes_, *tables_, radius, plan, queries, n_queries, threads);
    if (plan.way == Way::kGrouped) parts = grouped_search(codes_, *tables_, radius, plan, queries, n_queries, threads);
    if (codes_.ids)
        for (Hits& part : parts)
            for (Hit& hit : part) hit.id = codes_.ids[hit.id];
    return parts;
}

SearchResult Engine::search(const uint8_t* queries, int64_t n_queries, int radius, int threads) const {
    return search(queries, n_queries, radius, threads, planner_.plan(radius, n_queries));
}

SearchResult Engine::search(const uint8_t* queries, int64_t n_queries, int radius, int threads,
                            const SearchPlan& plan) const {
    std::vector<Hits> parts = carry_out(plan, queries, n_queries, radius, threads);
    return assemble(parts, n_queries);
}

SearchResult Engine::join(int radius, int threads) const {
    const SearchPlan chosen = planner_.plan(radius, codes_.n);
    std::vector<Hits> parts = chosen.way == Way::kScan ? scan_join(codes_, radius, chosen.scan, threads)
                                                       : table_join(codes_, *tables_, radius, chosen, threads);
    return assemble(parts, codes_.n);
}

SearchResult Engine::nearest(const uint8_t* queries, int64_t n_queries, int64_t k, int threads) const {
    const size_t n_bytes = static_cast<size_t>(codes_.n_bytes);
    const int64_t wanted = std::min(k, codes_.n);
    std::vector<Hits> kept(1);
    std::vector<int64_t> open(wanted > 0 ? static_cast<size_t>(n_queries) : 0);  // queries not settled yet
    std::iota(open.begin(), open.end(), 0);
    std::vector<uint8_t> left(queries, queries + open.size() * n_bytes);  // their codes
    // What lies within a radius that holds k codes holds the k nearest: so let the radius grow, a
    // threshold of every part at a time, while that is much cheaper than comparing every code.
    const int step = layout().n_parts;
    for (int radius = step - 1; step > 0 && !open.empty(); radius += step) {
        const int64_t n_open = static_cast<int64_t>(open.size());
        if (radius > 8 * codes_.n_bytes) break;
        const SearchPlan chosen = planner_.plan(radius, n_open);
        if (chosen.way == Way::kScan || chosen.cost.ns > chosen.scan_cost.ns / 4) break;
        std::vector<Hits> parts = carry_out(chosen, left.data(), n_open, radius, threads);
        const SearchResult found = assemble(parts, n_open);
        size_t n_left = 0;
        for (size_t i = 0; i < open.size(); ++i) {
            const size_t begin = static_cast<size_t>(found.offsets[i]), end = static_cast<size_t>(found.offsets[i + 1]);
            if (static_cast<int64_t>(end - begin) < wanted) {
                std::memmove(&left[n_left * n_bytes], &left[i * n_bytes], n_bytes);
                open[n_left++] = open[i];
                continue;
            }
            for (size_t hit = begin; hit < begin + static_cast<size_t>(wanted); ++hit)
                kept[0].push_back({open[i], found.ids[hit], found.distances[hit]});
        }
        open.resize(n_left);
    }
    if (!open.empty())
        for (const Hits& part : scan_nearest(codes_, left.data(), static_cast<int64_t>(open.size()), wanted, threads))
            for (const Hit& hit : part) kept[0].push_back({open[static_cast<size_t>(hit.query)], hit.id, hit.distance});
    return assemble(kept, n_queries);
}

}  // namespace hashmatch
