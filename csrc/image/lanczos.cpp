#include "image/lanczos.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

constexpr int kPrecisionBits = 22;  // as in GreyOps::round_sums
constexpr double kSupport = 3.0;
constexpr double kThirdOfPi = M_PI / 3.0;

double sinc(double x) {
    if (x == 0.0) return 1.0;
    x *= M_PI;
    return std::sin(x) / x;
}

double lanczos(double x) { return -kSupport <= x && x < kSupport ? sinc(x) * sinc(x / kSupport) : 0.0; }

// The input values that one output value is made of: n of them starting at `first`, around `center`.
struct Window {
    int first, n;
    double center, step;

    double x(int i) const { return (i + first - center + 0.5) * step; }
};

// Weights as Pillow computes them, with two sines each.
void exact_weights(const Window& window, double* weights) {
    for (int i = 0; i < window.n; ++i) weights[i] = lanczos(window.x(i));
}

// The same up to rounding, several times as fast. sinc(x) sinc(x / 3) is 3 sin(3 t) sin(t) / (pi x)^2
// for t = pi x / 3, where sin(3 t) = (3 - 4 sin(t)^2) sin(t), and (sin(t), cos(t)) advances from value to
// value by a rotation.
void quick_weights(const Window& window, double* weights) {
    constexpr double kScale = 3.0 / (M_PI * M_PI), kTooNear = 0.05;
    const double step_cos = std::cos(kThirdOfPi * window.step), step_sin = std::sin(kThirdOfPi * window.step);
    double sin = std::sin(kThirdOfPi * window.x(0)), cos = std::cos(kThirdOfPi * window.x(0));
    for (int i = 0; i < window.n; ++i) {
        const double x = window.x(i), square = sin * sin;
        if (std::abs(x) < kTooNear || std::abs(x) > kSupport - kTooNear) {
            weights[i] = lanczos(x);
        } else {
            weights[i] = kScale * (3.0 - 4.0 * square) * square / (x * x);
        }
        const double next_sin = sin * step_cos + cos * step_sin;
        cos = cos * step_cos - sin * step_sin;
        sin = next_sin;
    }
}

// Divides weights by their sum, in Pillow's order, and rounds them to integers. Returns true if each would
// round the same with an error of `slack` units.
bool to_fixed(const double* weights, int n, double slack, int32_t* fixed) {
    double total = 0.0;
    for (int i = 0; i < n; ++i) total += weights[i];
    bool is_certain = true;
    for (int i = 0; i < n; ++i) {
        const double weight = total != 0.0 ? weights[i] / total : weights[i];
        const double scaled = std::abs(weight) * (1 << kPrecisionBits) + 0.5;
        const auto whole = static_cast<int32_t>(scaled);
        const double rest = scaled - whole;
        is_certain &= rest > slack && rest < 1.0 - slack;
        fixed[i] = weight < 0 ? -whole : whole;
    }
    return is_certain;
}

// Spans and weights of some output values along one direction. `weights` are integers, padded with zeros;
// `high` and `low` are the same weights, split as GreyOps::weigh_row expects them.
struct Filter {
    std::vector<WeightedSpan> spans;
    std::vector<int32_t> weights;
    std::vector<int16_t> high, low;
};

// Makes the filter of outputs begin .. end - 1.
Filter make_filter(int in_size, int out_size, int begin, int end) {
    constexpr double kSlack = 1e-5;  // in units; quick weights are within 1e-6
    Filter filter;
    const double scale = static_cast<double>(in_size) / out_size;
    const double filter_scale = std::max(scale, 1.0);
    const double support = kSupport * filter_scale;
    std::vector<double> weights(static_cast<size_t>(2 * support) + 3);
    for (int out = begin; out < end; ++out) {
        const double center = (out + 0.5) * scale;
        const int first = std::max(static_cast<int>(center - support + 0.5), 0);
        const int n = std::min(static_cast<int>(center + support + 0.5), in_size) - first;
        const int padded = (n + kSpanStep - 1) / kSpanStep * kSpanStep;
        const size_t start = filter.weights.size();
        filter.spans.push_back({first, padded, start});
        filter.weights.resize(start + padded);
        const Window window = {first, n, center, 1.0 / filter_scale};
        quick_weights(window, weights.data());
        if (to_fixed(weights.data(), n, kSlack, &filter.weights[start])) continue;
        exact_weights(window, weights.data());
        to_fixed(weights.data(), n, 0.0, &filter.weights[start]);
    }
    filter.high.resize(filter.weights.size());
    filter.low.resize(filter.weights.size());
    for (size_t i = 0; i < filter.weights.size(); ++i) {
        const int32_t low = filter.weights[i] & 255;
        filter.low[i] = static_cast<int16_t>(low);
        filter.high[i] = static_cast<int16_t>((filter.weights[i] - low) / 256);
    }
    return filter;
}

// Returns a filter, cached by size: pictures of one size come in numbers, and computing the two filters of
// a wavelet hash takes a fifth of the time of resizing. Each thread caches at most 2 MiB.
std::shared_ptr<const Filter> get_filter(int in_size, int out_size) {
    struct Entry {
        int in_size, out_size;
        std::shared_ptr<const Filter> filter;
    };
    constexpr size_t kMaxEntries = 16, kMaxWeights = 1 << 14;
    thread_local std::array<Entry, kMaxEntries> cache = {};
    thread_local size_t oldest = 0;
    for (const Entry& entry : cache)
        if (entry.in_size == in_size && entry.out_size == out_size) return entry.filter;
    auto filter = std::make_shared<const Filter>(make_filter(in_size, out_size, 0, out_size));
    if (filter->weights.size() <= kMaxWeights) {
        cache[oldest] = {in_size, out_size, filter};
        oldest = (oldest + 1) % kMaxEntries;
    }
    return filter;
}

// Calls use(filter, begin, end) for ranges of outputs, so small that the weights take little memory. Nearly
// always that is one range.
template <typename Use>
void for_each_filter(int in_size, int out_size, Use use) {
    constexpr double kMostWeights = 1 << 20;
    const double per_output = 2 * kSupport * std::max(static_cast<double>(in_size) / out_size, 1.0) + kSpanStep;
    const int n_at_once = static_cast<int>(std::clamp(kMostWeights / per_output, 1.0, 1.0 * out_size));
    if (n_at_once == out_size) return use(*get_filter(in_size, out_size), 0, out_size);
    for (int begin = 0; begin < out_size; begin += n_at_once) {
        const int end = std::min(begin + n_at_once, out_size);
        use(make_filter(in_size, out_size, begin, end), begin, end);
    }
}

void resize_rows(const uint8_t* grey, int height, int width, int out_width, uint8_t* out) {
    const GreyOps& ops = active_kernel().grey;
    for_each_filter(width, out_width, [&](const Filter& filter, int begin, int end) {
        std::vector<WeightedSpan> spans = filter.spans;
        const int first = spans.front().first;
        int last = 0;
        for (WeightedSpan& span : spans) {
            last = std::max(last, span.first + span.n);
            span.first -= first;
        }
        std::vector<int16_t> row(last - first + kSpanStep);
        std::vector<uint32_t> sums(end - begin);
        for (int y = 0; y < height; ++y) {
            const uint8_t* from = grey + static_cast<size_t>(y) * width;
            std::copy(from + first, from + std::min(last, width), row.begin());
            ops.weigh_row(row.data(), spans.data(), spans.size(), filter.high.data(), filter.low.data(), sums.data());
            ops.round_sums(sums.data(), sums.size(), out + static_cast<size_t>(y) * out_width + begin);
        }
    });
}

void resize_columns(const uint8_t* grey, int height, int width, int out_height, uint8_t* out) {
    const GreyOps& ops = active_kernel().grey;
    std::vector<uint32_t> sums(width);
    for_each_filter(height, out_height, [&](const Filter& filter, int, int) {
        for (const WeightedSpan& span : filter.spans) {
            const int n_rows = std::min(span.n, height - span.first);  // padding may lie below the picture
            ops.weigh_columns(grey + static_cast<size_t>(span.first) * width, width,
                              filter.weights.data() + span.weights, n_rows, width, sums.data());
            ops.round_sums(sums.data(), sums.size(), out);
            out += width;
        }
    });
}

}  // namespace

void lanczos_resize(const uint8_t* grey, int height, int width, int out_height, int out_width, bool tall_first,
                    uint8_t* out) {
    const bool rows_change = out_width != width, columns_change = out_height != height;
    if (!rows_change && !columns_change) {
        std::memcpy(out, grey, static_cast<size_t>(height) * width);
    } else if (!columns_change) {
        resize_rows(grey, height, width, out_width, out);
    } else if (!rows_change) {
        resize_columns(grey, height, width, out_height, out);
    } else if (tall_first && height > out_height && height - out_height > 2 * (width - out_width)) {
        std::vector<uint8_t> flat(static_cast<size_t>(out_height) * width);
        resize_columns(grey, height, width, out_height, flat.data());
        resize_rows(flat.data(), out_height, width, out_width, out);
    } else {
        std::vector<uint8_t> narrow(static_cast<size_t>(height) * out_width);
        resize_rows(grey, height, width, out_width, narrow.data());
        resize_columns(narrow.data(), height, out_width, out_height, out);
    }
}

}  // namespace hashmatch
