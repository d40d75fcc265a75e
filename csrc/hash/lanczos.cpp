#include "hash/lanczos.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

constexpr int kPrecisionBits = 22;  // as GreyKernels::round_sums has it
constexpr double kSupport = 3.0;
constexpr double kThirdOfPi = M_PI / 3.0;

double sinc(double x) {
    if (x == 0.0) return 1.0;
    x *= M_PI;
    return std::sin(x) / x;
}

double lanczos(double x) { return -kSupport <= x && x < kSupport ? sinc(x) * sinc(x / kSupport) : 0.0; }

// Weights of one output value: of n input values from `first` on, around `center`.
struct Place {
    int first, n;
    double center, step;

    double x(int i) const { return (i + first - center + 0.5) * step; }
};

// As Pillow computes them: two sines each.
void exact_weights(const Place& place, double* weights) {
    for (int i = 0; i < place.n; ++i) weights[i] = lanczos(place.x(i));
}

// The same but for rounding errors, several times as fast. sinc(x) sinc(x / 3) is
// 3 sin(3 t) sin(t) / (pi x)^2 for t = pi x / 3, where sin(3 t) = (3 - 4 sin(t)^2) sin(t), and sin(t)
// advances from place to place by turning.
void quick_weights(const Place& place, double* weights) {
    constexpr double kScale = 3.0 / (M_PI * M_PI), kTooNear = 0.05;
    const double turn_cos = std::cos(kThirdOfPi * place.step), turn_sin = std::sin(kThirdOfPi * place.step);
    double sin = std::sin(kThirdOfPi * place.x(0)), cos = std::cos(kThirdOfPi * place.x(0));
    for (int i = 0; i < place.n; ++i) {
        const double x = place.x(i), square = sin * sin;
        if (std::abs(x) < kTooNear || std::abs(x) > kSupport - kTooNear) {
            weights[i] = lanczos(x);
        } else {
            weights[i] = kScale * (3.0 - 4.0 * square) * square / (x * x);
        }
        const double turned = sin * turn_cos + cos * turn_sin;
        cos = cos * turn_cos - sin * turn_sin;
        sin = turned;
    }
}

// Rounds weights that are divided by their sum, in Pillow's order, to integers. Returns whether each
// would be the same if it were off by `slack` of a unit.
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

// What the values of one direction are made of. `weights` are integers, padded with zeros; `high` and
// `low` are the same, split as GreyKernels::weigh_row takes them.
struct Filter {
    std::vector<WeighedSpan> spans;
    std::vector<int32_t> weights;
    std::vector<int16_t> high, low;
};

Filter make_filter(int in_size, int out_size) {
    constexpr double kSlack = 1e-5;  // of a unit; quick weights are within 1e-6 of one
    Filter filter;
    const double scale = static_cast<double>(in_size) / out_size;
    const double filter_scale = std::max(scale, 1.0);
    const double support = kSupport * filter_scale;
    std::vector<double> weights(static_cast<size_t>(2 * support) + 3);
    for (int out = 0; out < out_size; ++out) {
        const double center = (out + 0.5) * scale;
        const int first = std::max(static_cast<int>(center - support + 0.5), 0);
        const int n = std::min(static_cast<int>(center + support + 0.5), in_size) - first;
        const int padded = (n + kSpanStep - 1) / kSpanStep * kSpanStep;
        const size_t start = filter.weights.size();
        filter.spans.push_back({first, padded, start});
        filter.weights.resize(start + padded);
        const Place place = {first, n, center, 1.0 / filter_scale};
        quick_weights(place, weights.data());
        if (to_fixed(weights.data(), n, kSlack, &filter.weights[start])) continue;
        exact_weights(place, weights.data());
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

// Makes a filter, or takes it from memory: pictures of one size come in numbers, and the two filters of a
// wavelet hash take a fifth of the time of resizing. A thread keeps at most 2 MiB of them.
std::shared_ptr<const Filter> filter_for(int in_size, int out_size) {
    struct Kept {
        int in_size, out_size;
        std::shared_ptr<const Filter> filter;
    };
    constexpr size_t kMostKept = 16, kMostWeights = 1 << 14;
    thread_local std::array<Kept, kMostKept> kept = {};
    thread_local size_t oldest = 0;
    for (const Kept& one : kept)
        if (one.in_size == in_size && one.out_size == out_size) return one.filter;
    auto filter = std::make_shared<const Filter>(make_filter(in_size, out_size));
    if (filter->weights.size() <= kMostWeights) {
        kept[oldest] = {in_size, out_size, filter};
        oldest = (oldest + 1) % kMostKept;
    }
    return filter;
}

void resize_rows(const uint8_t* grey, int height, int width, int out_width, uint8_t* out) {
    const auto kept = filter_for(width, out_width);
    const Filter& filter = *kept;
    const GreyKernels& kernels = *active_kernel().grey;
    std::vector<int16_t> row(width + kSpanStep);
    std::vector<uint32_t> sums(out_width);
    for (int y = 0; y < height; ++y, grey += width, out += out_width) {
        std::copy(grey, grey + width, row.begin());
        kernels.weigh_row(row.data(), filter.spans.data(), filter.spans.size(), filter.high.data(), filter.low.data(),
                          sums.data());
        kernels.round_sums(sums.data(), sums.size(), out);
    }
}

void resize_columns(const uint8_t* grey, int height, int width, int out_height, uint8_t* out) {
    const auto kept = filter_for(height, out_height);
    const Filter& filter = *kept;
    const GreyKernels& kernels = *active_kernel().grey;
    std::vector<uint32_t> sums(width);
    for (const WeighedSpan& span : filter.spans) {
        const int n_rows = std::min(span.n, height - span.first);  // what is padded may lie below
        kernels.weigh_columns(grey + static_cast<size_t>(span.first) * width, width,
                              filter.weights.data() + span.weights, n_rows, width, sums.data());
        kernels.round_sums(sums.data(), sums.size(), out);
        out += width;
    }
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
