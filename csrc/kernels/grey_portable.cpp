#include "kernels/grey_kernels.h"

namespace hashmatch {
namespace {

#define HM_TARGET
#include "kernels/grey_loops.h"

void weigh_row(const int16_t* values, const WeighedSpan* spans, size_t n_spans, const int16_t* high, const int16_t* low,
               uint32_t* sums) {
    for (size_t s = 0; s < n_spans; ++s) {
        const int16_t* from = values + spans[s].first;
        const int16_t *highs = high + spans[s].weights, *lows = low + spans[s].weights;
        int32_t high_sum = 0, low_sum = 0;
        for (int i = 0; i < spans[s].n; ++i) {
            high_sum += from[i] * highs[i];
            low_sum += from[i] * lows[i];
        }
        sums[s] = (static_cast<uint32_t>(high_sum) << 8) + static_cast<uint32_t>(low_sum);
    }
}

}  // namespace

const GreyKernels kGreyPortable = {grey_one_by_one, weigh_row, weigh_columns, round_sums};

}  // namespace hashmatch
