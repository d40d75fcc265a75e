#include "hamming/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "hamming/thresholds.h"
#include "kernels/hamming_ops.h"

namespace hashmatch {
namespace {

// A scan is never much slower than expected, but tables may be: they must be this much cheaper.
constexpr double kClearlyCheaper = 0.75;
// Codes that a second sketch must spare a query to be worth its bytes.
constexpr double kMinSpared = 30;

int default_radius(int code_bits) { return code_bits / 8 - 1; }

// Returns the cheapest filter for a scan, and the cost of one code; the filter pays while few codes pass it by
// chance.
std::pair<int, double> choose_filter(int n_bytes, int radius) {
    std::pair<int, double> best{0, scan_code_ns(n_bytes, 0, radius)};
    for (int n_planes = 1; n_planes <= planes_for(n_bytes); ++n_planes) {
        const double ns = scan_code_ns(n_bytes, n_planes, radius);
        if (ns < best.second) best = {n_planes, ns};
    }
    return best;
}

}  // namespace

bool wants_second_sketches(const SubstringLayout& layout, int64_t n) {
    const std::vector<int> thresholds = spread_thresholds(layout, default_radius(layout.code_bits));
    if (thresholds.empty() || layout.n_substrings < 3) return false;
    const Cost with = probe_cost(layout, thresholds, 2, n), without = probe_cost(layout, thresholds, 1, n);
    return without.verified - with.verified >= kMinSpared && with.ns < without.ns;
}

SubstringLayout choose_layout(int64_t n, int code_bits) {
    const int radius = default_radius(code_bits);
    SubstringLayout best{0, 0, code_bits};
    double best_ns = kClearlyCheaper * scan_cost(choose_filter(code_bits / 8, radius).second, n, true).ns;
    // Directories stay below a quarter of the postings, so that the index of a short list stays small.
    const int max_bits = static_cast<int>(std::log2(std::max<double>(1.0, static_cast<double>(n)))) - 2;
    for (int n_substrings = 2; n_substrings <= code_bits / 16; ++n_substrings) {
        const SubstringLayout layout{n_substrings, std::min({code_bits / n_substrings, max_bits, kMaxSubstringBits}),
                                     code_bits};
        if (!is_sound(layout)) continue;
        const std::vector<int> thresholds = spread_thresholds(layout, radius);
        if (thresholds.empty()) continue;
        const double ns = probe_cost(layout, thresholds, 1, n).ns;
        if (ns < best_ns) {
            best_ns = ns;
            best = layout;
        }
    }
    return best;
}

Planner::Planner(const Codes& codes, const SubstringLayout& layout, int n_sketches) : n_(codes.n), layout_(layout) {
    for (int radius = 0; radius <= 8 * codes.n_bytes; ++radius) {
        const auto [n_filter_planes, scan_code_ns] = choose_filter(codes.n_bytes, radius);
        AtRadius plans{n_filter_planes, scan_code_ns, {}, {}};
        if (layout.n_substrings > 0) plans.thresholds = spread_thresholds(layout, radius);
        if (!plans.thresholds.empty()) plans.probe = probe_cost(layout, plans.thresholds, n_sketches, codes.n);
        at_radius_.push_back(std::move(plans));
    }
}

SearchPlan Planner::plan(int radius, int64_t n_queries) const {
    const SearchPlan probe = plan(radius, n_queries, Strategy::kProbe);
    const SearchPlan batch_probe = plan(radius, n_queries, Strategy::kBatchProbe);
    const SearchPlan& tables = batch_probe.cost.ns < probe.cost.ns ? batch_probe : probe;
    if (tables.cost.ns < kClearlyCheaper * tables.scan_cost.ns) return tables;
    return plan(radius, n_queries, Strategy::kScan);
}

SearchPlan Planner::plan(int radius, int64_t n_queries, Strategy strategy) const {
    const AtRadius& plans = at_radius_[radius];
    const Cost scan = scan_cost(plans.scan_code_ns, n_, n_queries >= kFilterQueries);
    if (strategy == Strategy::kScan || plans.thresholds.empty())
        return {Strategy::kScan, plans.n_filter_planes, nullptr, scan, scan};
    SearchPlan plan{strategy, plans.n_filter_planes, &plans.thresholds, plans.probe, scan};
    if (strategy == Strategy::kBatchProbe) plan.cost = batch_probe_cost(layout_, plans.probe, n_queries);
    return plan;
}

}  // namespace hashmatch
