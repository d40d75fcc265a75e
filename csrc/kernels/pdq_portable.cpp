// Plain C++; the reference that every other kernel is tested against.
#include "kernels/pdq_kernels.h"

namespace hashmatch {
namespace {

#define HM_LANES 4
#define HM_TARGET
#define HM_TILE 4
#include "kernels/pdq_lanes.h"

void transpose_tile(const float* from, size_t from_stride, float* to, size_t to_stride) {
    for (size_t r = 0; r < HM_TILE; ++r)
        for (size_t c = 0; c < HM_TILE; ++c) to[c * to_stride + r] = from[r * from_stride + c];
}

void weigh_u8(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, int /*total*/, size_t n,
              float* out) {
    weigh_u8_plain(rows, stride, weights, n_rows, n, out);
}

}  // namespace

const PdqKernels kPdqPortable = {
    weigh_u8, weigh_f32, mix_rgb,  luma_of_u8,     luma_of_rgb,   to_columns,        from_columns,
    box_rows, box_sums,  box_step, multiply_16x64, gradient_sums, largest_magnitude,
};

}  // namespace hashmatch
