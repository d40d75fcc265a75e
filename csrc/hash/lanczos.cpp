#include "hash/lanczos.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr double kSupport = 3.0;

double sinc(double x) {
    if (x == 0.0) return 1.0;
    x *= M_PI;
    return std::sin(x) / x;
}

double lanczos(double x) { return -kSupport <= x && x < kSupport ? sinc(x) * sinc(x / kSupport) : 0.0; }

// What one output value is made of: `n` input values from `first` on, and where their weights are.
struct Span {
    int first;
    int n;
    size_t weights;
};

// Weights of a whole direction, as integers, and split as GreyKernels::weigh takes them.
struct Filter {
    std::vector<Span> spans;
    std::vector<int32_t> weights;
    std::vector<int16_t> high, low;
};

int32_t to_fixed(double weight) {
    const double scaled = weight * (1 << kPrecisionBits);
    return static_cast<int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

Filter make_filter(int in_size, int out_size) {
    Filter filter;
    const double scale = static_cast<double>(in_size) / out_size;
    const double filter_scale = std::max(scale, 1.0);
    const double support = kSupport * filter_scale, step = 1.0 / filter_scale;
    std::vector<double> weights;
    for (int out = 0; out < out_size; ++out) {
        const double center = (out + 0.5) * scale;
        const int first = std::max(static_cast<int>(center - support + 0.5), 0);
        const int n = std::min(static_cast<int>(center + support + 0.5), in_size) - first;
        weights.assign(n, 0.0);
        double total = 0.0;
        for (int i = 0; i < n; ++i) total += weights[i] = lanczos((i + first - center + 0.5) * step);
        filter.spans.push_back({first, n, filter.weights.size()});
        for (const double weight : weights) filter.weights.push_back(to_fixed(total != 0.0 ? weight / total : weight));
    }
    for (const int32_t weight : filter.weights) {
        const int32_t low = weight & 255;
        filter.low.push_back(static_cast<int16_t>(low));
        filter.high.push_back(static_cast<int16_t>((weight - low) / 256));
    }
    return filter;
}

uint8_t to_byte(uint32_t sum) {
    const int32_t rounded = static_cast<int32_t>(sum + (1u << (kPrecisionBits - 1)));
    return static_cast<uint8_t>(std::clamp(rounded >> kPrecisionBits, 0, 255));
}

void resize_rows(const uint8_t* grey, int height, int width, int out_width, uint8_t* out) {
    const Filter filter = make_filter(width, out_width);
    const GreyKernels& kernels = *active_kernel().grey;
    std::vector<int16_t> row(width);
    for (int y = 0; y < height; ++y, grey += width, out += out_width) {
        std::copy(grey, grey + width, row.begin());
        for (int x = 0; x < out_width; ++x) {
            const Span& span = filter.spans[x];
            out[x] = to_byte(kernels.weigh(row.data() + span.first, filter.high.data() + span.weights,
                                           filter.low.data() + span.weights, span.n));
        }
    }
}

void resize_columns(const uint8_t* grey, int height, int width, int out_height, uint8_t* out) {
    const Filter filter = make_filter(height, out_height);
    const GreyKernels& kernels = *active_kernel().grey;
    std::vector<uint32_t> sums(width);
    for (int y = 0; y < out_height; ++y, out += width) {
        const Span& span = filter.spans[y];
        std::fill(sums.begin(), sums.end(), 0u);
        for (int i = 0; i < span.n; ++i) {
            const auto weight = static_cast<uint32_t>(filter.weights[span.weights + i]);
            kernels.add_weighed(grey + static_cast<size_t>(span.first + i) * width, weight, width, sums.data());
        }
        std::transform(sums.begin(), sums.end(), out, to_byte);
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
