// How far the outer lines of a picture are from being of one level: what tells a plain border.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hashmatch {

// Lines of a picture, the outermost first; steps are in bytes and may be negative. A pixel is one
// byte of luma, or red, green and blue.
struct Lines {
    const uint8_t* first;
    ptrdiff_t line_step, pixel_step;
    int n_lines, length;
    bool has_colours;
};

struct LineBounds {
    int spread;        // of the first line, at a glance: beyond it, nothing else is looked at
    double deviation;  // of a line: beyond it, only so many lines more are looked at
    int more_lines;
};

// Of the luma of about 100 pixels of each line; luma is rounded as Pillow rounds it, sums are exact.
struct LineDeviations {
    int spread;                 // how many levels a few pixels of the first line are apart
    double level;               // of the first line, on average
    std::vector<double> lines;  // how far each line is off that level, on average
};

LineDeviations line_deviations(const Lines& lines, const LineBounds& bounds);

}  // namespace hashmatch
