#include "hamming/thresholds.h"

#include <algorithm>
#include <cmath>

#include "hamming/cost_model.h"

namespace hashmatch {

std::vector<int> spread_thresholds(const SubstringLayout& layout, int radius) {
    const int n = layout.n_substrings;
    const int total = radius - n + 1;
    const int low = total >= 0 ? total / n : -1;
    const int n_raised = total - low * n;  // substrings that get one more than `low`
    if (low + (n_raised > 0) > std::min(kMaxThreshold, layout.substring_bits)) return {};
    std::vector<int> thresholds(n, low);
    // Spread evenly around the ring, which keeps neighbouring pairs, and so the sketch test, tight.
    for (int i = 0; i < n_raised; ++i) ++thresholds[i * n / n_raised];
    return thresholds;
}

double find_cheapest_thresholds(const std::vector<double>& costs, int n_substrings, int total, int* thresholds) {
    const int n_choices = static_cast<int>(costs.size()) / n_substrings;
    // least[sum]: least cost of the substrings so far with that sum of (threshold + 1); choice: the last
    // substring's part in it.
    const int width = total + 1;
    std::vector<double> least(width, HUGE_VAL), next(width);
    std::vector<int8_t> choice(size_t{1} * n_substrings * width, -1);
    least[0] = 0;
    for (int i = 0; i < n_substrings; ++i) {
        std::fill(next.begin(), next.end(), HUGE_VAL);
        for (int sum = 0; sum < width; ++sum) {
            if (least[sum] == HUGE_VAL) continue;
            for (int raised = 0; raised < n_choices && sum + raised < width; ++raised) {
                const double cost = least[sum] + costs[i * n_choices + raised];
                if (cost >= next[sum + raised]) continue;
                next[sum + raised] = cost;
                choice[i * width + sum + raised] = static_cast<int8_t>(raised);
            }
        }
        least.swap(next);
    }
    if (least[total] == HUGE_VAL) return HUGE_VAL;
    for (int i = n_substrings - 1, sum = total; i >= 0; --i) {
        const int raised = choice[i * width + sum];
        thresholds[i] = raised - 1;
        sum -= raised;
    }
    return least[total];
}

bool allocate_thresholds(const Tables& tables, int radius, const uint32_t* keys, int* thresholds) {
    const int n_substrings = tables.layout.n_substrings;
    const int highest = std::min(kMaxThreshold, tables.layout.substring_bits);
    const int n_choices = highest + 2;  // thresholds -1 .. highest
    const double usual_bucket = static_cast<double>(tables.n) / static_cast<double>(tables.layout.n_keys());
    std::vector<double> costs(n_substrings * n_choices);
    double cost_before = 0;
    for (int i = 0; i < n_substrings; ++i) {
        double* cost = &costs[i * n_choices];
        cost[0] = 0;
        for (int threshold = 0; threshold <= highest; ++threshold) {
            const auto* first = tables.ball.end(threshold - 1);
            const auto* last = tables.ball.end(threshold);
            const auto n_keys = static_cast<double>(last - first);
            double n_sketches = n_keys * usual_bucket;
            if (threshold <= 1) {  // only the buckets of the nearest keys are worth counting
                n_sketches = 0;
                for (const auto* flip = first; flip < last; ++flip)
                    n_sketches += tables.bucket(i, keys[i] ^ flip->mask).size();
            }
            cost[threshold + 1] = cost[threshold] + n_keys * kProbeNs + n_sketches * kSketchNs;
        }
        cost_before += cost[thresholds[i] + 1];
    }
    int allocated[kMaxSubstrings];
    if (find_cheapest_thresholds(costs, n_substrings, radius + 1, allocated) >= cost_before) return false;
    std::copy_n(allocated, n_substrings, thresholds);
    return true;
}

}  // namespace hashmatch
