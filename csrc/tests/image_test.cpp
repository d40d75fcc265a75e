// Grey, Lanczos resizing and border lines against naive implementations, on every kernel that this CPU runs.
// Prints the amount of work; exits non-zero at the first difference. Built and run by csrc/tests/run.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "image/border_edges.h"
#include "image/border_lines.h"
#include "image/grey.h"
#include "image/lanczos.h"
#include "kernels/dispatch.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

int naive_grey(const uint8_t* rgb) { return (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) / 65536; }

void check_grey(long long round) {
    const int n = choose({0, 1, 31, 33, 34, 35, between(0, 200)});
    const Bytes rgb(3 * n);
    std::vector<uint8_t> grey(n);
    grey_of_rgb(rgb.data(), n, grey.data());
    for (int i = 0; i < n; ++i) check(grey[i] == naive_grey(rgb.data() + 3 * i), active_kernel().name, "grey", round);
}

struct Grey {
    int height, width;
    std::vector<uint8_t> pixels;

    Grey(int height, int width) : height(height), width(width), pixels(height * width) {}
    uint8_t& at(int y, int x) { return pixels[y * width + x]; }
    uint8_t at(int y, int x) const { return pixels[y * width + x]; }
};

Grey transpose(const Grey& grey) {
    Grey transposed(grey.width, grey.height);
    for (int y = 0; y < grey.height; ++y)
        for (int x = 0; x < grey.width; ++x) transposed.at(x, y) = grey.at(y, x);
    return transposed;
}

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(M_PI * x) / (M_PI * x); }

// Pillow's ImagingResample along rows, as its source has it: one output pixel at a time, every weight from two
// sines, sums of weights with 22 fractional bits.
Grey naive_resize_rows(const Grey& grey, int out_width) {
    Grey out(grey.height, out_width);
    const double scale = static_cast<double>(grey.width) / out_width, filter_scale = std::max(scale, 1.0);
    const double support = 3.0 * filter_scale, step = 1.0 / filter_scale;
    for (int x = 0; x < out_width; ++x) {
        const double center = (x + 0.5) * scale;
        const int begin = std::max(static_cast<int>(center - support + 0.5), 0);
        const int end = std::min(static_cast<int>(center + support + 0.5), grey.width);
        std::vector<double> weights;
        double total = 0.0;
        for (int i = 0; i < end - begin; ++i) {
            const double at = (i + begin - center + 0.5) * step;
            weights.push_back(-3.0 <= at && at < 3.0 ? sinc(at) * sinc(at / 3.0) : 0.0);
            total += weights.back();
        }
        for (int y = 0; y < grey.height; ++y) {
            int64_t sum = 1 << 21;
            for (int i = 0; i < end - begin; ++i) {
                const double weight = (total != 0.0 ? weights[i] / total : weights[i]) * (1 << 22);
                sum += static_cast<int64_t>(weight < 0 ? weight - 0.5 : weight + 0.5) * grey.at(y, begin + i);
            }
            const double rounded = std::floor(static_cast<double>(sum) / (1 << 22));
            out.at(y, x) = static_cast<uint8_t>(std::clamp(rounded, 0.0, 255.0));
        }
    }
    return out;
}

Grey naive_resize(const Grey& grey, int out_height, int out_width, bool tall_first) {
    const auto resize_rows = [&](const Grey& from) {
        return out_width == from.width ? from : naive_resize_rows(from, out_width);
    };
    const auto resize_columns = [&](const Grey& from) {
        return out_height == from.height ? from : transpose(naive_resize_rows(transpose(from), out_height));
    };
    const bool columns_first = tall_first && grey.height - out_height > 2 * (grey.width - out_width) &&
                               grey.height > out_height && grey.width != out_width;
    return columns_first ? resize_rows(resize_columns(grey)) : resize_columns(resize_rows(grey));
}

// Returns the number of pixels resized.
long long check_lanczos(long long round) {
    const auto draw_side = [] {
        return choose({1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, between(1, 150)});
    };
    Grey grey(draw_side(), draw_side());
    const Bytes noise(grey.pixels.size());
    std::copy_n(noise.data(), noise.size(), grey.pixels.data());
    const int out_height = choose({1, 8, 9, 32, 64, grey.height, between(1, 70)});
    const int out_width = choose({1, 8, 9, 32, 64, grey.width, between(1, 70)});
    const bool tall_first = between(0, 1) != 0;
    Grey resized(out_height, out_width);
    lanczos_resize(grey.pixels.data(), grey.height, grey.width, out_height, out_width, tall_first,
                   resized.pixels.data());
    check(resized.pixels == naive_resize(grey, out_height, out_width, tall_first).pixels, active_kernel().name,
          "Lanczos", round);
    return static_cast<long long>(grey.pixels.size());
}

// A picture with all its lines measured from every side, by exact fractions.
class Border {
  public:
    Border(int height, int width, bool has_colours)
        : height_(height), width_(width), n_channels_(has_colours ? 3 : 1), pixels_(height * width * n_channels_) {
        if (between(0, 2) == 0) return;
        const int level = between(0, 255), noise = choose({0, 1, 5});
        for (size_t i = 0; i < pixels_.size(); ++i)
            pixels_.data()[i] = static_cast<uint8_t>(std::clamp(level + between(-noise, noise), 0, 255));
    }

    // Side 0 is the top, then bottom, left, right.
    Lines lines(int side) const {
        const ptrdiff_t pixel = n_channels_, row = pixel * width_;
        const bool has_colours = n_channels_ == 3;
        const uint8_t* corner = pixels_.data();
        if (side == 0) return {corner, row, pixel, height_, width_, has_colours};
        if (side == 1) return {corner + (height_ - 1) * row, -row, pixel, height_, width_, has_colours};
        if (side == 2) return {corner, pixel, row, width_, height_, has_colours};
        return {corner + (width_ - 1) * pixel, -pixel, row, width_, height_, has_colours};
    }

    LineDeviations measure(int side, const LineBounds& bounds) const {
        const int n_lines = side < 2 ? height_ : width_, length = side < 2 ? width_ : height_;
        const auto luma = [&](int line, int at) {
            const int y = side == 0 ? line : side == 1 ? height_ - 1 - line : at;
            const int x = side < 2 ? at : side == 2 ? line : width_ - 1 - line;
            const uint8_t* pixel = pixels_.data() + (y * width_ + x) * n_channels_;
            return n_channels_ == 1 ? int{*pixel} : naive_grey(pixel);
        };
        LineDeviations result{0, 0.0, {}};
        int low = 255, high = 0, total = 0, n_samples = 0;
        for (int at = 0; at < length; at += std::max(1, length / 16)) {
            low = std::min(low, luma(0, at));
            high = std::max(high, luma(0, at));
        }
        result.spread = high - low;
        if (result.spread > bounds.spread) return result;
        const int step = std::max(1, length / 96);
        for (int at = 0; at < length; at += step, ++n_samples) total += luma(0, at);
        result.level = static_cast<double>(total) / n_samples;
        const double rounded_level = std::nearbyint(result.level * 16) / 16;
        int n_more = n_lines;
        for (int line = 0; line < n_lines && n_more > 0; ++line, --n_more) {
            double sum = 0;  // exact: sixteenths of small integers
            for (int at = 0; at < length; at += step) sum += std::abs(luma(line, at) - rounded_level);
            result.lines.push_back(sum / n_samples);
            if (n_more == n_lines - line && result.lines.back() > bounds.deviation)
                n_more = std::min(n_more, bounds.more_lines);
        }
        return result;
    }

  private:
    int height_, width_, n_channels_;
    Bytes pixels_;
};

void check_border(long long round) {
    const auto draw_side = [] { return choose({1, 2, 15, 16, 17, 95, 96, 97, 191, 192, 193, between(1, 300)}); };
    const Border border(draw_side(), draw_side(), between(0, 1) != 0);
    const LineBounds bounds{choose({0, 12, 255}), choose({0.0, 0.5, 3.0, 300.0}), choose({1, 2, 50})};
    for (int side = 0; side < 4; ++side) {
        const LineDeviations found = measure_lines(border.lines(side), bounds);
        const LineDeviations expected = border.measure(side, bounds);
        check(found.spread == expected.spread, active_kernel().name, "the spread of a border", round);
        check(found.level == expected.level, active_kernel().name, "the level of a border", round);
        check(found.lines == expected.lines, active_kernel().name, "the lines of a border", round);
    }
}

// A frame of noise of two levels around noise of many is found to the line; what is found elsewhere lies in the
// picture.
void check_border_edge(long long round) {
    const int height = between(1, 150), width = between(1, 150), outer = between(8, 40);
    const bool has_colours = between(0, 1) != 0, has_frame = height > 3 * outer && width > 3 * outer;
    const int pixel = has_colours ? 3 : 1;
    std::vector<uint8_t> pixels(static_cast<size_t>(height) * width * pixel);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width * pixel; ++x) {
            const bool is_inside = y >= outer && y < height - outer && x / pixel >= outer && x / pixel < width - outer;
            pixels[y * width * pixel + x] = is_inside ? between(140, 200) : between(20, 24);
        }
    const ptrdiff_t row = width * pixel;
    const uint8_t *first = pixels.data(), *bottom = first + (height - 1) * row, *right = first + (width - 1) * pixel;
    for (const Lines& lines :
         {Lines{first, row, pixel, height, width, has_colours}, Lines{bottom, -row, pixel, height, width, has_colours},
          Lines{first, pixel, row, width, height, has_colours},
          Lines{right, -pixel, row, width, height, has_colours}}) {
        const BorderEdge edge = find_border_edge(lines);
        check(edge.n_lines >= 0 && edge.n_lines < lines.n_lines, active_kernel().name, "an edge's place", round);
        if (has_frame) check(edge.n_lines == outer, active_kernel().name, "the edge of a frame", round);
    }
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 300;
    for (const std::string& kernel : runnable_kernels()) {
        select_kernel(kernel);
        long long resized = 0;
        for (long long round = 0; round < rounds; ++round) {
            check_grey(round);
            resized += check_lanczos(round);
            check_border(round);
            check_border_edge(round);
        }
        std::printf("%s: %lld pixels resized, %lld borders measured: all right\n", kernel.c_str(), resized, 4 * rounds);
        if (resized == 0) return 1;  // the test compared nothing
    }
    return 0;
}
