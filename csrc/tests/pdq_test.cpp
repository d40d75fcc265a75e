// PDQ against its definition in naive loops, and every kernel that this CPU runs against the portable one, to
// the last bit of every float. Prints the amount of work; exits non-zero at the first difference. Built and run
// by csrc/tests/run.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "hash/pdq.h"
#include "hash/pdq_wide.h"
#include "kernels/dispatch.h"
#include "tests/pdq_evidence.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

// Everything computed from a picture with the active kernel: hashes, and the floats behind them.
struct Results {
    PdqHashes single, dihedral;
    PdqEvidence evidence;
};

Results compute_all(const Picture& picture) {
    return {compute_pdq(picture, 1), compute_pdq(picture, kOrientations), compute_evidence(picture, kOrientations)};
}

template <class Number>
struct Matrix {
    int height, width;
    std::vector<Number> values;

    Matrix(int height, int width) : height(height), width(width), values(height * width) {}
    Number& at(int y, int x) { return values[y * width + x]; }
    Number at(int y, int x) const { return values[y * width + x]; }

    Matrix transpose() const {
        Matrix transposed(width, height);
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) transposed.at(x, y) = at(y, x);
        return transposed;
    }
};

// Mean over the window around each value of a row, by its definition, in double.
Matrix<double> filter_rows(const Matrix<double>& in) {
    Matrix<double> out(in.height, in.width);
    const int window = box_window(in.width);
    for (int y = 0; y < in.height; ++y)
        for (int x = 0; x < in.width; ++x) {
            const int begin = std::max(0, x - (window - 1) / 2), end = std::min(in.width, x + window / 2 + 1);
            double sum = 0;
            for (int i = begin; i < end; ++i) sum += in.at(y, i);
            out.at(y, x) = sum / (end - begin);
        }
    return out;
}

// The same as ThreatExchange's C++ does it: float32 running sums along each row.
Matrix<float> filter_rows(const Matrix<float>& in) {
    Matrix<float> out(in.height, in.width);
    const int window = box_window(in.width), right = window / 2;
    for (int y = 0; y < in.height; ++y) {
        float sum = 0;
        int count = 0;
        for (int x = 0; x < in.width + right; ++x) {
            if (x < in.width) {
                sum += in.at(y, x);
                ++count;
            }
            if (x >= window) {
                sum -= in.at(y, x - window);
                --count;
            }
            if (x >= right) out.at(y, x - right) = sum / static_cast<float>(count);
        }
    }
    return out;
}

// Two rounds of filters along rows and then columns, sampled at 64 x 64 centres.
template <class Number>
Matrix<Number> naive_grid(Matrix<Number> luma) {
    for (int filter_round = 0; filter_round < 2; ++filter_round)
        luma = filter_rows(filter_rows(luma).transpose()).transpose();
    Matrix<Number> grid(kGridSide, kGridSide);
    for (int i = 0; i < kGridSide; ++i)
        for (int j = 0; j < kGridSide; ++j)
            grid.at(i, j) = luma.at((2 * i + 1) * luma.height / 128, (2 * j + 1) * luma.width / 128);
    return grid;
}

// Coefficients 1..16 of the cosine transform, each sum taken term by term.
template <class Number>
Matrix<Number> naive_coefficients(const Matrix<Number>& grid) {
    Matrix<Number> cosines(kBandSide, kGridSide), half(kBandSide, kGridSide), out(kBandSide, kBandSide);
    const auto scale = static_cast<Number>(std::sqrt(2.0 / 64));
    for (int i = 0; i < kBandSide; ++i)
        for (int k = 0; k < kGridSide; ++k)
            cosines.at(i, k) = static_cast<Number>(scale * std::cos(M_PI / 2 / 64 * (i + 1) * (2 * k + 1)));
    for (int i = 0; i < kBandSide; ++i)
        for (int j = 0; j < kGridSide; ++j)
            for (int k = 0; k < kGridSide; ++k) half.at(i, j) += cosines.at(i, k) * grid.at(k, j);
    for (int i = 0; i < kBandSide; ++i)
        for (int j = 0; j < kBandSide; ++j)
            for (int k = 0; k < kGridSide; ++k) out.at(i, j) += half.at(i, k) * cosines.at(j, k);
    return out;
}

// Bits above the lower median, the last coefficient first.
std::vector<uint8_t> naive_code(const std::vector<float>& coefficients) {
    std::vector<float> sorted = coefficients;
    std::sort(sorted.begin(), sorted.end());
    std::vector<uint8_t> code(kCodeBytes);
    for (int k = 0; k < kCoefficients; ++k)
        if (coefficients[kCoefficients - 1 - k] > sorted[127]) code[k / 8] |= static_cast<uint8_t>(128 >> k % 8);
    return code;
}

int naive_quality(const Matrix<float>& grid) {
    const auto gradient = [](float u, float v) { return std::abs(static_cast<int>((u - v) * 100.0f / 255.0f)); };
    int total = 0;
    for (int i = 0; i < kGridSide; ++i)
        for (int j = 0; j < kGridSide; ++j) {
            if (i > 0) total += gradient(grid.at(i - 1, j), grid.at(i, j));
            if (j > 0) total += gradient(grid.at(i, j - 1), grid.at(i, j));
        }
    return std::min(total / 90, 100);
}

Matrix<float> naive_luma(const Picture& picture) {
    Matrix<float> luma(picture.height_px, picture.width_px);
    const auto* bytes = static_cast<const uint8_t*>(picture.pixels);
    for (size_t i = 0; i < luma.values.size(); ++i) {
        if (picture.layout == Layout::kLuma32) luma.values[i] = static_cast<const float*>(picture.pixels)[i];
        if (picture.layout == Layout::kLuma8) luma.values[i] = bytes[i];
        if (picture.layout == Layout::kRgb8)
            luma.values[i] =
                static_cast<float>(0.299 * bytes[3 * i] + 0.587 * bytes[3 * i + 1] + 0.114 * bytes[3 * i + 2]);
    }
    return luma;
}

bool is_equal(const std::vector<float>& expected, const float* found) {
    return std::equal(expected.begin(), expected.end(), found);
}

void check_definition(const Picture& picture, const Results& results, long long round) {
    const Matrix<float> luma = naive_luma(picture);
    const Matrix<float> grid = naive_grid(luma), coefficients = naive_coefficients(grid);
    check(is_equal(grid.values, results.evidence.reference_grid), "portable", "the reference's grid", round);
    float wide[kCells];
    compute_wide_grid(active_kernel().pdq, picture, between(1, 4000), wide);
    check(is_equal(grid.values, wide), "portable", "the grid of a wide picture", round);
    check(is_equal(coefficients.values, results.evidence.reference_coefficients), "portable",
          "the reference's coefficients", round);
    check(std::memcmp(naive_code(coefficients.values).data(), results.dihedral.codes[0], kCodeBytes) == 0, "portable",
          "a code", round);
    check(naive_quality(grid) == results.dihedral.quality, "portable", "a quality", round);
    if (picture.height_px != kGridSide || picture.width_px != kGridSide)
        check(std::memcmp(results.single.codes[0], results.dihedral.codes[0], kCodeBytes) == 0, "portable",
              "a single code", round);

    Matrix<double> exact_luma(luma.height, luma.width);
    std::copy(luma.values.begin(), luma.values.end(), exact_luma.values.begin());
    const Matrix<double> exact = naive_grid(exact_luma);
    for (int cell = 0; cell < kCells; ++cell)
        check(std::abs(results.evidence.grid[cell] - exact.values[cell]) <= 1e-6 + 1e-6 * std::abs(exact.values[cell]),
              "portable", "the fast grid", round);
    for (int k = 0; k < kCoefficients; ++k)
        check(std::abs(results.evidence.coefficients[k] - results.evidence.reference_coefficients[k]) <=
                  results.evidence.errors[k],
              "portable", "an error bound", round);
}

// Noise, smooth noise or a constant, as bytes or as floats.
std::vector<uint8_t> make_pixels(Layout layout, size_t n_values) {
    const int step = choose({1, 3, 40, 0});
    int value = between(0, 255);
    std::vector<uint8_t> bytes(n_values * (layout == Layout::kLuma32 ? sizeof(float) : 1));
    for (size_t i = 0; i < n_values; ++i) {
        if (step > 0) value = (value + between(0, 2 * step) + 256 - step) % 256;
        const float luma = static_cast<float>(value) + static_cast<float>(step) / 7;
        if (layout == Layout::kLuma32)
            std::memcpy(&bytes[i * sizeof luma], &luma, sizeof luma);
        else
            bytes[i] = static_cast<uint8_t>(value);
    }
    return bytes;
}

// The same pixels as a part of a wider picture, whose rows lie apart.
void check_part(const Picture& picture, const Results& expected, long long round) {
    const size_t value_bytes = picture.layout == Layout::kLuma32 ? sizeof(float) : 1;
    const size_t row_values = picture.row_values(), row_step = row_values + between(1, 40);
    std::vector<uint8_t> wider(row_step * picture.height_px * value_bytes, 77);
    for (int row = 0; row < picture.height_px; ++row)
        std::memcpy(&wider[row * row_step * value_bytes],
                    static_cast<const uint8_t*>(picture.pixels) + row * row_values * value_bytes,
                    row_values * value_bytes);
    const Picture part{picture.layout, wider.data(), picture.height_px, picture.width_px, row_step};
    const PdqHashes single = compute_pdq(part, 1), dihedral = compute_pdq(part, kOrientations);
    check(std::memcmp(&single, &expected.single, sizeof single) == 0, "portable", "a part", round);
    check(std::memcmp(&dihedral, &expected.dihedral, sizeof dihedral) == 0, "portable", "turned parts", round);
    float wide[kCells];
    compute_wide_grid(active_kernel().pdq, part, between(1, 4000), wide);
    check(std::memcmp(wide, expected.evidence.reference_grid, sizeof wide) == 0, "portable", "a wide part", round);
}

// Returns the number of values hashed.
size_t check_round(long long round) {
    const Layout layout = choose({Layout::kLuma8, Layout::kLuma32, Layout::kRgb8});
    const int height_px = choose({5, 16, 63, 64, 65, between(5, 200)});
    const int width_px = choose({5, 17, 64, 127, 129, between(5, 200)});
    const size_t n_values = size_t{1} * height_px * width_px * (layout == Layout::kRgb8 ? 3 : 1);
    const std::vector<uint8_t> pixels = make_pixels(layout, n_values);
    const Picture picture{layout, pixels.data(), height_px, width_px};
    select_kernel("portable");
    const Results expected = compute_all(picture);
    check_part(picture, expected, round);
    check_definition(picture, expected, round);
    for (const std::string& kernel : runnable_kernels()) {
        select_kernel(kernel);
        const Results found = compute_all(picture);
        check(std::memcmp(&found, &expected, sizeof found) == 0, kernel.c_str(), "PDQ", round);
    }
    return n_values;
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 200;
    size_t n_hashed = 0;
    for (long long round = 0; round < rounds; ++round) n_hashed += check_round(round);
    for (const std::string& kernel : runnable_kernels()) std::printf("%s ", kernel.c_str());
    std::printf("hash %zu values alike, and as defined: all right\n", n_hashed);
    return n_hashed > 0 ? 0 : 1;
}
