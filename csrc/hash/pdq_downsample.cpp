#include "hash/pdq_downsample.h"

#include <vector>

#include "hash/pdq_tents.h"

namespace hashmatch {
namespace {

// Sums the rows of the picture under one tent into `out`: luma times the tent's total, and for colours
// times 1000.
void weigh_rows(const PdqOps& ops, const Picture& picture, const Tent& tent, float* rgb, float* out) {
    const size_t width = picture.width_px;
    const size_t step = picture.step(), first = step * tent.first;
    if (picture.layout == Layout::kLuma32) {
        const float* rows = static_cast<const float*>(picture.pixels) + first;
        ops.weigh_f32(rows, step, tent.weights_f32, tent.n, width, out);
        return;
    }
    const uint8_t* bytes = static_cast<const uint8_t*>(picture.pixels);
    if (picture.layout == Layout::kLuma8) {
        ops.weigh_u8(bytes + first, step, tent.weights, tent.n, tent.total, width, out);
    } else {
        // Sums are linear, so the three colours are mixed only after the rows are summed.
        ops.weigh_u8(bytes + first, step, tent.weights, tent.n, tent.total, 3 * width, rgb);
        ops.mix_rgb(rgb, width, out);
    }
}

}  // namespace

bool can_downsample(const Picture& picture) {
    return Tents::supports(picture.width_px) && Tents::supports(picture.height_px);
}

void downsample(const PdqOps& ops, const Picture& picture, float* grid) {
    thread_local std::vector<float> scratch;
    const size_t width = picture.width_px;
    const size_t band = kBandRows * width;
    scratch.resize(2 * band + 3 * width);
    float* rows = scratch.data();
    float* columns = rows + band;
    float* rgb = columns + band;

    const Tents down(picture.height_px), across(picture.width_px);
    const double unit = picture.layout == Layout::kRgb8 ? 1000.0 : 1.0;
    double column_units[kGridSide];
    for (int c = 0; c < kGridSide; ++c) column_units[c] = 1.0 / across.at(c).total;
    for (int top = 0; top < kGridSide; top += kBandRows) {
        for (size_t r = 0; r < kBandRows; ++r) weigh_rows(ops, picture, down.at(top + r), rgb, rows + r * width);
        ops.to_columns(rows, width, width, columns);
        float samples[kGridSide * kBandRows];
        for (int c = 0; c < kGridSide; ++c) {
            const Tent tent = across.at(c);
            ops.weigh_f32(columns + tent.first * kBandRows, kBandRows, tent.weights_f32, tent.n, kBandRows,
                          samples + c * kBandRows);
        }
        float* cells = grid + top * kGridSide;
        ops.from_columns(samples, kGridSide, cells, kGridSide);
        for (size_t r = 0; r < kBandRows; ++r) {
            const double row_unit = 1.0 / (unit * down.at(top + r).total);
            for (int c = 0; c < kGridSide; ++c)
                cells[r * kGridSide + c] *= static_cast<float>(row_unit * column_units[c]);
        }
    }
}

}  // namespace hashmatch
