#include "hamming/plan.h"

#include <algorithm>
#include <cmath>

#include "kernels/hamming_kernels.h"

namespace hashmatch {
namespace {

// The rest of what the model was told, in nanoseconds.
constexpr double kQueryNs = 150;         // take up a query, order its result
constexpr double kPartNs = 35;           // cut one part of a query and prepare to look it up
constexpr double kProbeNs = 11;          // look up one key and reach its first sketch
constexpr double kGroupedProbeNs = 3;    // the same when queries share the walk
constexpr double kGroupedBucketNs = 20;  // compare the queries of one key with one bucket, beside their number
constexpr double kSecondSketchNs = 8;    // reach and compare a second sketch
constexpr double kLeastSpared = 30;      // codes that a second sketch must spare a query to be worth its bytes
constexpr double kWalkNs = 2.5;          // pass one key and one of its neighbours in a grouped walk
constexpr double kScanNs = 0.0115;       // filter one byte of one code, four queries at a time
constexpr double kScanAloneNs = 0.02;    // the same for one query, in the cache
// A scan never disappoints by much, tables may: they have to be this much cheaper.
constexpr double kClearlyCheaper = 0.75;

// Chance that `bits` fair bits hold at most `limit` ones.
double chance_within(int bits, int limit) {
    return limit < 0 ? 0 : keys_within(bits, std::min(bits, limit)) / std::pow(2.0, bits);
}

int customary_radius(int code_bits) { return code_bits / 8 - 1; }

// Chance that the bits of one sketch, and of a second where there are two, hold few enough ones for a chain
// that still allows `limit` bits, and `more` of them in its third link.
double chance_near(const PartLayout& layout, int n_sketches, int limit, int more) {
    const int bits = std::min(kSketchBits, layout.part_bits);
    if (n_sketches == 1) return chance_within(bits, limit);
    double chance = 0;
    for (int differing = 0; differing <= std::min(limit, bits); ++differing)
        chance += (chance_within(bits, differing) - chance_within(bits, differing - 1)) *
                  chance_within(kSecondSketchBits, limit - differing + more);
    return chance;
}

// By tables, for uniformly spread codes, each query by itself.
Cost table_cost(const PartLayout& layout, const std::vector<int>& thresholds, int n_sketches, int64_t n) {
    Cost cost;
    const double bucket = static_cast<double>(n) / static_cast<double>(layout.n_keys());
    for (size_t part = 0; part < thresholds.size(); ++part) {
        const int limit = thresholds[part] + thresholds[(part + 1) % thresholds.size()] + 1;
        const int more = thresholds[(part + 2) % thresholds.size()] + 1;
        for (int flips = 0; flips <= thresholds[part]; ++flips) {
            const double keys = keys_within(layout.part_bits, flips) - keys_within(layout.part_bits, flips - 1);
            cost.probes += keys;
            cost.candidates += keys * bucket;
            const double met = keys * bucket;
            cost.near += met * chance_near(layout, 1, limit - flips, more);
            cost.verified += met * chance_near(layout, n_sketches, limit - flips, more);
        }
    }
    cost.ns = kQueryNs + static_cast<double>(thresholds.size()) * kPartNs + cost.probes * kProbeNs +
              cost.candidates * kSketchNs + (n_sketches > 1 ? cost.near * kSecondSketchNs : 0) +
              cost.verified * kVerifyNs;
    return cost;
}

// The same where n_queries share the walk over each table.
Cost grouped_cost(const PartLayout& layout, Cost cost, int64_t n_queries) {
    const double n_keys = static_cast<double>(layout.n_keys());
    const double a_key = static_cast<double>(std::max<int64_t>(n_queries, 1)) / n_keys;  // queries that share one
    const double buckets = cost.probes * -std::expm1(-a_key) / a_key;  // met, divided among the queries that meet them
    cost.ns += cost.probes * (kGroupedProbeNs - kProbeNs) + buckets * kGroupedBucketNs + kWalkNs * cost.probes / a_key;
    return cost;
}

// By scan; a batch reads each tile once for four queries.
Cost scan_cost(const ScanPlan& plan, int64_t n, bool batched) {
    Cost cost;
    cost.candidates = static_cast<double>(n);
    cost.ns = kQueryNs + static_cast<double>(n) * plan.weight * (batched ? kScanNs : kScanAloneNs);
    return cost;
}

}  // namespace

double keys_within(int part_bits, int threshold) {
    double term = 1, sum = 0;
    for (int flips = 0; flips <= threshold; ++flips) {
        sum += term;
        term *= static_cast<double>(part_bits - flips) / (flips + 1);
    }
    return sum;
}

std::vector<int> spread_thresholds(const PartLayout& layout, int radius) {
    const int total = radius - layout.n_parts + 1;
    const int low = total >= 0 ? total / layout.n_parts : -1;
    const int raised = total - low * layout.n_parts;  // parts that get one more than `low`
    if (low + (raised > 0) > std::min(kMaxThreshold, layout.part_bits)) return {};
    std::vector<int> thresholds(static_cast<size_t>(layout.n_parts), low);
    // Spread evenly around the ring, which keeps neighbouring pairs, and so the sketch test, tight.
    for (int i = 0; i < raised; ++i) ++thresholds[static_cast<size_t>(i * layout.n_parts / raised)];
    return thresholds;
}

bool wants_second_sketches(const PartLayout& layout, int64_t n) {
    const std::vector<int> thresholds = spread_thresholds(layout, customary_radius(layout.code_bits));
    if (thresholds.empty() || layout.n_parts < 3) return false;
    const Cost with = table_cost(layout, thresholds, 2, n), without = table_cost(layout, thresholds, 1, n);
    return without.verified - with.verified >= kLeastSpared && with.ns < without.ns;
}

PartLayout choose_layout(int64_t n, int code_bits) {
    const int radius = customary_radius(code_bits);
    const int n_bytes = code_bits / 8;
    const Codes codes{nullptr, nullptr, nullptr, n, n_bytes, planes_for(n_bytes)};
    PartLayout best{0, 0, code_bits};
    double best_ns = kClearlyCheaper * scan_cost(plan_scan(codes, radius), n, true).ns;
    // Directories stay below a quarter of the postings, so that small lists stay small.
    const int most_part_bits = static_cast<int>(std::log2(std::max<double>(1.0, static_cast<double>(n)))) - 2;
    for (int n_parts = 2; n_parts <= code_bits / 16; ++n_parts) {
        const PartLayout layout{n_parts, std::min({code_bits / n_parts, most_part_bits, kMaxPartBits}), code_bits};
        if (!is_sound(layout)) continue;
        const std::vector<int> thresholds = spread_thresholds(layout, radius);
        if (thresholds.empty()) continue;
        const double ns = table_cost(layout, thresholds, 1, n).ns;
        if (ns < best_ns) {
            best_ns = ns;
            best = layout;
        }
    }
    return best;
}

Planner::Planner(const Codes& codes, const PartLayout& layout, int n_sketches) : n_(codes.n), layout_(layout) {
    for (int radius = 0; radius <= 8 * codes.n_bytes; ++radius) {
        AtRadius plans{plan_scan(codes, radius), {}, {}};
        if (layout.n_parts > 0) plans.thresholds = spread_thresholds(layout, radius);
        if (!plans.thresholds.empty()) plans.probe = table_cost(layout, plans.thresholds, n_sketches, codes.n);
        at_radius_.push_back(std::move(plans));
    }
}

SearchPlan Planner::plan(int radius, int64_t n_queries) const {
    const SearchPlan probe = plan(radius, n_queries, Way::kProbe), grouped = plan(radius, n_queries, Way::kGrouped);
    const SearchPlan& tables = grouped.cost.ns < probe.cost.ns ? grouped : probe;
    if (tables.cost.ns < kClearlyCheaper * tables.scan_cost.ns) return tables;
    return plan(radius, n_queries, Way::kScan);
}

SearchPlan Planner::plan(int radius, int64_t n_queries, Way way) const {
    const AtRadius& plans = at_radius_[static_cast<size_t>(radius)];
    const Cost scan = scan_cost(plans.scan, n_, n_queries >= kFilterQueries);
    if (way == Way::kScan || plans.thresholds.empty()) return {Way::kScan, plans.scan, nullptr, scan, scan};
    SearchPlan plan{way, plans.scan, &plans.thresholds, plans.probe, scan};
    if (way == Way::kGrouped) plan.cost = grouped_cost(layout_, plans.probe, n_queries);
    return plan;
}

}  // namespace hashmatch
