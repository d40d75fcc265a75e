#include "hash/pdq_reference.h"

#include <algorithm>
#include <vector>

#include "hash/pdq_geometry.h"

namespace hashmatch {
namespace {

constexpr int kBand = static_cast<int>(kBandRows);

// Pixels of the window of position `at` that lie among 0 .. end - 1.
int window_count(int at, int window, int end) {
    return std::min(at + window / 2 + 1, end) - std::max(at - (window - 1) / 2, 0);
}

// Rows of floats with room before and after each, as the box filters want it. What lies after a row
// stays zero as long as nobody but box_rows() writes there.
class PaddedRows {
  public:
    PaddedRows(int n_rows, int width, int window)
        : padding_(row_padding(window)), stride_((2 * padding_ + width + 15) / 16 * 16), values_(n_rows * stride_) {}

    float* row(int at) { return &values_[at * stride_ + padding_]; }
    size_t stride() const { return stride_; }

  private:
    size_t padding_, stride_;
    std::vector<float> values_;
};

// Box filter down the columns of a stream of rows, which come in bands of kBandRows.
class DownFilter {
  public:
    // `window_across` is that of the filter which writes the bands.
    DownFilter(const PdqKernels& kernels, int width, int window_across, int window, int n_rows)
        : kernels_(kernels),
          width_(static_cast<size_t>(width)),
          window_(window),
          n_rows_(n_rows),
          kept_((window + 2 * kBand - 1) / kBand * kBand),
          recent_(kept_, width, window_across),
          sums_(width_) {}

    // Where the next band's rows belong, stride() apart.
    float* band() { return recent_.row(taken_ % kept_); }
    size_t stride() const { return recent_.stride(); }

    // Takes in the rows of band(), as many as are left; after the last also what the window holds
    // still. Each filtered row is written to sink.place() and announced by sink.placed().
    template <typename Sink>
    void take(Sink& sink) {
        for (const int end = std::min(taken_ + kBand, n_rows_); taken_ < end; ++taken_)
            step(taken_, recent_.row(taken_ % kept_), sink);
        if (taken_ < n_rows_) return;
        for (int at = taken_; at < taken_ + window_ / 2; ++at) step(at, nullptr, sink);
    }

  private:
    // Moves the window's far edge to position `at`, whose row is `in`, or null past the last row.
    template <typename Sink>
    void step(int at, const float* in, Sink& sink) {
        const float* out = at >= window_ ? recent_.row((at - window_) % kept_) : nullptr;
        const int centre = at - window_ / 2;
        const int count = centre < 0 ? 1 : window_count(centre, window_, n_rows_);
        kernels_.box_step(sums_.data(), in, out, width_, count, sink.place());
        if (centre >= 0) sink.placed();
    }

    const PdqKernels& kernels_;
    const size_t width_;
    const int window_, n_rows_, kept_;
    int taken_ = 0;
    PaddedRows recent_;
    std::vector<float> sums_;
};

// The last stop: keeps the rows that are sampled.
class Sampler {
  public:
    Sampler(int height, float* grid) : height_(height), grid_(grid) {}

    float* place() { return row_; }
    void placed() {
        for (; sampled_ < kGridSide && sample_centre(sampled_, height_) == seen_; ++sampled_)
            std::copy(row_, row_ + kGridSide, grid_ + sampled_ * kGridSide);
        ++seen_;
    }

  private:
    const int height_;
    float* const grid_;
    int seen_ = 0, sampled_ = 0;
    float row_[kGridSide];
};

// Between the rounds: gathers rows into bands and puts each through the second round.
class SecondRound {
  public:
    SecondRound(const PdqKernels& kernels, int width, int height, float* grid)
        : kernels_(kernels),
          down_(kernels, kGridSide, 1, box_window(height), height),
          sampler_(height, grid),
          width_(width),
          window_(box_window(width)),
          left_(height),
          band_(kBand, width, window_),
          columns_(scratch_columns(width, window_) * kBandRows),
          sums_(columns_.size()) {
        for (int c = 0; c < kGridSide; ++c) {
            centres_[c] = sample_centre(c, width);
            counts_[c] = static_cast<float>(window_count(centres_[c], window_, width));
        }
    }

    float* place() { return band_.row(gathered_); }
    void placed() {
        ++gathered_;
        --left_;
        if (gathered_ < kBand && left_ > 0) return;
        sample_band();
        down_.take(sampler_);
        gathered_ = 0;
    }

    static size_t scratch_columns(int width, int window) { return width + window + row_padding(window); }

  private:
    // Filters the rows of the band, at the samples only.
    void sample_band() {
        kernels_.box_sums(band_.row(0), band_.stride(), width_, window_, columns_.data(), sums_.data());
        float means[kGridSide * kBandRows];
        for (int c = 0; c < kGridSide; ++c) {
            const float count = counts_[c];
            float column[kBandRows];  // a copy, so that the compiler sees it can divide four at once
            std::copy_n(&sums_[static_cast<size_t>(centres_[c] + window_ / 2) * kBandRows], kBandRows, column);
            for (size_t r = 0; r < kBandRows; ++r) means[c * kBandRows + r] = column[r] / count;
        }
        kernels_.from_columns(means, kGridSide, down_.band(), down_.stride());
    }

    const PdqKernels& kernels_;
    DownFilter down_;
    Sampler sampler_;
    const int width_, window_;
    int left_, gathered_ = 0;
    PaddedRows band_;
    std::vector<float> columns_, sums_;
    int centres_[kGridSide];
    float counts_[kGridSide];
};

}  // namespace

void read_luma(const PdqKernels& kernels, const Picture& picture, int row, float* luma) {
    const size_t n = static_cast<size_t>(picture.width_px), first = row * n;
    const uint8_t* bytes = static_cast<const uint8_t*>(picture.pixels);
    switch (picture.layout) {
        case Layout::kRgb8:
            kernels.luma_of_rgb(bytes + 3 * first, n, luma);
            break;
        case Layout::kLuma8:
            kernels.luma_of_u8(bytes + first, n, luma);
            break;
        case Layout::kLuma32: {
            const float* from = static_cast<const float*>(picture.pixels) + first;
            std::copy(from, from + n, luma);
        }
    }
}

void reference_grid(const PdqKernels& kernels, const Picture& picture, float* grid) {
    const int width = picture.width_px, height = picture.height_px;
    const int window = box_window(width);
    PaddedRows luma(kBand, width, window);
    std::vector<float> columns(SecondRound::scratch_columns(width, window) * kBandRows);
    DownFilter down(kernels, width, window, box_window(height), height);
    SecondRound second_round(kernels, width, height, grid);
    for (int top = 0; top < height; top += kBand) {
        for (int r = 0; r < std::min(kBand, height - top); ++r) read_luma(kernels, picture, top + r, luma.row(r));
        kernels.box_rows(luma.row(0), luma.stride(), width, window, columns.data(), down.band(), down.stride());
        down.take(second_round);
    }
}

}  // namespace hashmatch
