// Deviation of the outer lines of a picture from one level of luma, by which plain borders are found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hashmatch {

// Lines of a picture, outermost first. Steps are in bytes and may be negative. A pixel is one byte of
// luma, or three of red, green and blue.
struct Lines {
    const uint8_t* first;
    ptrdiff_t line_step, pixel_step;
    int n_lines, length;
    bool has_colours;
};

struct LineBounds {
    int spread;        // stop at once if the first line, sampled coarsely, spreads over more levels
    double deviation;  // once a line deviates by more, measure only `more_lines` from there
    int more_lines;
};

// Measured on the luma of about 100 pixels of each line. Luma is rounded as Pillow rounds it; sums are
// exact.
struct LineDeviations {
    int spread;                 // range of levels over a few pixels of the first line
    double level;               // mean level of the first line
    std::vector<double> lines;  // mean absolute deviation of each line from that level
};

LineDeviations measure_lines(const Lines& lines, const LineBounds& bounds);

}  // namespace hashmatch
