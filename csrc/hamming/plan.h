// Chooses how to search: by scan or by tables, with which thresholds, from what each step costs.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"
#include "hamming/flips.h"
#include "hamming/parts.h"
#include "hamming/scan.h"

namespace hashmatch {

// What the model was told of the machine; measured on one core with AVX-512 at 2.4 GHz; with
// narrower kernels a scan costs more, and tables are chosen where they are cheaper still.
constexpr double kSketchNs = 0.12;  // compare one sketch
constexpr double kVerifyNs = 25;    // reach and compare one whole code

// Keys within `threshold` bits of a key of part_bits bits; 0 for a threshold of -1.
double keys_within(int part_bits, int threshold);

// Thresholds t, one per part, with sum(t) = radius - n_parts + 1: a code within `radius` differs in
// some part i by at most t[i] (general pigeonhole principle, Qin et al., "GPH", ICDE 2018). -1 means
// that the part is not probed. Empty where a part would need more than kMaxThreshold.
std::vector<int> spread_thresholds(const PartLayout& layout, int radius);

// What one query is expected to cost, in nanoseconds on a machine of the reference kind; only ratios
// between plans matter.
struct Cost {
    double probes = 0;      // keys looked up
    double candidates = 0;  // sketches compared
    double near = 0;        // of these, near by the first sketch
    double verified = 0;    // whole codes compared
    double ns = 0;
};

// Whether tables of that layout over n codes are to have second sketches: where so many codes pass the
// first that sparing them is worth a byte a posting. Smaller lists have larger directories and do without.
bool wants_second_sketches(const PartLayout& layout, int64_t n);

// The layout that serves n codes best at the radius customary for their width (bits / 8 - 1), or one
// without parts where a scan is cheaper.
PartLayout choose_layout(int64_t n, int code_bits);

enum class Way { kScan, kProbe, kGrouped };

struct SearchPlan {
    Way way;
    ScanPlan scan;
    const std::vector<int>* thresholds;  // null for a scan; lives as long as the planner
    Cost cost;                           // of one query
    Cost scan_cost;                      // of one query by scan, for comparison
};

// Plans for every radius of one index, worked out once.
class Planner {
  public:
    // `n_parts` of the layout may be 0; `n_sketches` beside each posting, 1 or 2.
    Planner(const Codes& codes, const PartLayout& layout, int n_sketches);

    // The cheapest exact way for a batch of n_queries; radius 0..bits.
    SearchPlan plan(int radius, int64_t n_queries) const;
    // The same where the way is given; by scan where tables cannot serve the radius.
    SearchPlan plan(int radius, int64_t n_queries, Way way) const;

  private:
    struct AtRadius {
        ScanPlan scan;
        std::vector<int> thresholds;  // empty where tables cannot serve the radius
        Cost probe;
    };

    int64_t n_;
    PartLayout layout_;
    std::vector<AtRadius> at_radius_;
};

}  // namespace hashmatch
