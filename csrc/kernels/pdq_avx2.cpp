#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/pdq_kernels.h"

namespace hashmatch {
namespace {

#define HM_LANES 8
#define HM_TARGET __attribute__((target("avx2")))
#define HM_TILE 8
#include "kernels/pdq_lanes.h"
#include "kernels/pdq_x86.h"

}  // namespace

const PdqKernels kPdqAvx2 = {
    weigh_u8, weigh_f32, mix_rgb_x86, luma_of_u8,     luma_of_rgb_x86, to_columns,        from_columns,
    box_rows, box_sums,  box_step,    multiply_16x64, gradient_sums,   largest_magnitude,
};

}  // namespace hashmatch
#endif
