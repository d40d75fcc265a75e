// Plain C++, the reference that every other kernel is tested against.
#include <cstring>

#include "kernels/kernel.h"

#define HM_TARGET
#define HM_LANES 4
#define HM_TILE 4

namespace hashmatch {
namespace {

#include "kernels/grey_loops.h"
#include "kernels/hamming_loops.h"
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

extern const Kernel kPortable = {
    .name = "portable",
    .runs_here = [] { return true; },
    .hamming =
        {
            .filter4 = filter4_plain,
            .filter1 = filter1_plain,
            .distances = distances_plain,
            .near_codes = near_codes_by_distances<distances_plain>,
            .near_pairs = near_pairs_plain,
            .near_probes = near_probes_by_pairs<near_pairs_plain>,
        },
    .pdq =
        {
            .weigh_u8 = weigh_u8,
            .weigh_f32 = weigh_f32,
            .mix_rgb = mix_rgb,
            .luma_of_u8 = luma_of_u8,
            .luma_of_rgb = luma_of_rgb,
            .to_columns = to_columns,
            .from_columns = from_columns,
            .box_rows = box_rows,
            .box_sums = box_sums,
            .box_step = box_step,
            .multiply_16x64 = multiply_16x64,
            .gradient_sums = gradient_sums,
            .largest_magnitude = largest_magnitude,
        },
    .grey =
        {
            .grey_of_rgb = grey_of_rgb_plain,
            .weigh_row = weigh_row_plain,
            .weigh_columns = weigh_columns,
            .round_sums = round_sums,
        },
};

}  // namespace hashmatch
