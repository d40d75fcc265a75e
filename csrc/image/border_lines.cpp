#include "image/border_lines.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace hashmatch {
namespace {

constexpr int kCoarseSamples = 16, kSamples = 96;
constexpr int kScale = 16;  // levels are rounded to 1 / 16

int luma_of(const uint8_t* pixel, bool has_colours) {
    if (!has_colours) return pixel[0];
    return (19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 0x8000) >> 16;
}

int measure_spread(const uint8_t* line, const Lines& lines) {
    const int step = std::max(1, lines.length / kCoarseSamples);
    int low = 255, high = 0;
    for (int at = 0; at < lines.length; at += step) {
        const int level = luma_of(line + at * lines.pixel_step, lines.has_colours);
        low = std::min(low, level);
        high = std::max(high, level);
    }
    return high - low;
}

}  // namespace

LineDeviations measure_lines(const Lines& lines, const LineBounds& bounds) {
    LineDeviations result{measure_spread(lines.first, lines), 0.0, {}};
    if (result.spread > bounds.spread) return result;
    const int step = std::max(1, lines.length / kSamples);
    const int n_samples = (lines.length + step - 1) / step;
    int total = 0;
    for (int at = 0; at < lines.length; at += step)
        total += luma_of(lines.first + at * lines.pixel_step, lines.has_colours);
    result.level = static_cast<double>(total) / n_samples;
    const auto scaled = static_cast<int>(std::nearbyint(result.level * kScale));
    int end = lines.n_lines;
    for (int number = 0; number < end; ++number) {
        const uint8_t* line = lines.first + number * lines.line_step;
        int off = 0;
        for (int at = 0; at < lines.length; at += step)
            off += std::abs(kScale * luma_of(line + at * lines.pixel_step, lines.has_colours) - scaled);
        result.lines.push_back(static_cast<double>(off) / (kScale * n_samples));
        if (end == lines.n_lines && result.lines.back() > bounds.deviation)
            end = static_cast<int>(std::min<int64_t>(end, int64_t{number} + bounds.more_lines));
    }
    return result;
}

}  // namespace hashmatch
