#include "hash/pdq_reference.h"

#include <algorithm>
#include <vector>

#include "hash/pdq_geometry.h"
#include "hash/pdq_wide.h"

namespace hashmatch {
namespace {

constexpr int kBand = static_cast<int>(kBandRows);
constexpr int kWidestBand_px = 65536;  // bands of this width take 30 MB
constexpr size_t kWideBlock_cells = size_t{1} << 20;

// Rows of floats with padding around each, as the box filters require. The padding after a row stays zero
// as long as only box_rows() writes there.
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

// Box filter down the columns of a stream of rows, which arrive in bands of kBandRows.
class DownFilter {
  public:
    // `window_across` is the window of the filter that writes the bands.
    DownFilter(const PdqOps& ops, int width, int window_across, int window, int n_rows)
        : ops_(ops),
          width_(width),
          window_(window),
          n_rows_(n_rows),
          kept_((window + 2 * kBand - 1) / kBand * kBand),
          recent_(kept_, width, window_across),
          sums_(width_) {}

    // Place for the rows of the next band, stride() apart.
    float* band() { return recent_.row(n_in_ % kept_); }
    size_t stride() const { return recent_.stride(); }

    // Filters the rows of band(), and after the last row of the picture also flushes the window. Writes
    // each filtered row to sink.next_row(), then calls sink.finish_row().
    template <typename Sink>
    void filter_band(Sink& sink) {
        for (const int end = std::min(n_in_ + kBand, n_rows_); n_in_ < end; ++n_in_)
            step(n_in_, recent_.row(n_in_ % kept_), sink);
        if (n_in_ < n_rows_) return;
        for (int at = n_in_; at < n_in_ + window_ / 2; ++at) step(at, nullptr, sink);
    }

  private:
    // Moves the leading edge of the window to row `at`, given as `in`, or null past the last row.
    template <typename Sink>
    void step(int at, const float* in, Sink& sink) {
        const float* out = at >= window_ ? recent_.row((at - window_) % kept_) : nullptr;
        const int centre = at - window_ / 2;
        const int count = centre < 0 ? 1 : window_count(centre, window_, n_rows_);
        ops_.box_step(sums_.data(), in, out, width_, count, sink.next_row());
        if (centre >= 0) sink.finish_row();
    }

    const PdqOps& ops_;
    const size_t width_;
    const int window_, n_rows_, kept_;
    int n_in_ = 0;
    PaddedRows recent_;
    std::vector<float> sums_;
};

// Final stage: keeps the sampled rows.
class Sampler {
  public:
    Sampler(int height, float* grid) : height_(height), grid_(grid) {}

    float* next_row() { return row_; }
    void finish_row() {
        for (; next_sample_ < kGridSide && sample_centre(next_sample_, height_) == n_seen_; ++next_sample_)
            std::copy(row_, row_ + kGridSide, grid_ + next_sample_ * kGridSide);
        ++n_seen_;
    }

  private:
    const int height_;
    float* const grid_;
    int n_seen_ = 0, next_sample_ = 0;
    float row_[kGridSide];
};

// Second round of both filters: gathers the rows of the first round into bands.
class SecondRound {
  public:
    SecondRound(const PdqOps& ops, int width, int height, float* grid)
        : ops_(ops),
          down_(ops, kGridSide, 1, box_window(height), height),
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

    float* next_row() { return band_.row(n_gathered_); }
    void finish_row() {
        ++n_gathered_;
        --left_;
        if (n_gathered_ < kBand && left_ > 0) return;
        sample_band();
        down_.filter_band(sampler_);
        n_gathered_ = 0;
    }

    static size_t scratch_columns(int width, int window) { return width + window + row_padding(window); }

  private:
    // Filters the rows of the band at the sampled columns only.
    void sample_band() {
        ops_.box_sums(band_.row(0), band_.stride(), width_, window_, columns_.data(), sums_.data());
        float means[kGridSide * kBandRows];
        for (int c = 0; c < kGridSide; ++c) {
            const float count = counts_[c];
            float column[kBandRows];  // copied, so that the compiler vectorises the divisions
            std::copy_n(&sums_[static_cast<size_t>(centres_[c] + window_ / 2) * kBandRows], kBandRows, column);
            for (size_t r = 0; r < kBandRows; ++r) means[c * kBandRows + r] = column[r] / count;
        }
        ops_.from_columns(means, kGridSide, down_.band(), down_.stride());
    }

    const PdqOps& ops_;
    DownFilter down_;
    Sampler sampler_;
    const int width_, window_;
    int left_, n_gathered_ = 0;
    PaddedRows band_;
    std::vector<float> columns_, sums_;
    int centres_[kGridSide];
    float counts_[kGridSide];
};

}  // namespace

void read_luma(const PdqOps& ops, const Picture& picture, int row, int column, size_t n, float* luma) {
    const size_t first = row * picture.step();
    const uint8_t* bytes = static_cast<const uint8_t*>(picture.pixels);
    switch (picture.layout) {
        case Layout::kRgb8:
            ops.luma_of_rgb(bytes + first + 3 * column, n, luma);
            break;
        case Layout::kLuma8:
            ops.luma_of_u8(bytes + first + column, n, luma);
            break;
        case Layout::kLuma32: {
            const float* from = static_cast<const float*>(picture.pixels) + first + column;
            std::copy(from, from + n, luma);
        }
    }
}

void compute_reference_grid(const PdqOps& ops, const Picture& picture, float* grid) {
    const int width = picture.width_px, height = picture.height_px;
    if (width > kWidestBand_px) {
        compute_wide_grid(ops, picture, kWideBlock_cells, grid);
        return;
    }
    const int window = box_window(width);
    PaddedRows luma(kBand, width, window);
    std::vector<float> columns(SecondRound::scratch_columns(width, window) * kBandRows);
    DownFilter down(ops, width, window, box_window(height), height);
    SecondRound second_round(ops, width, height, grid);
    for (int top = 0; top < height; top += kBand) {
        for (int r = 0; r < std::min(kBand, height - top); ++r) read_luma(ops, picture, top + r, 0, width, luma.row(r));
        ops.box_rows(luma.row(0), luma.stride(), width, window, columns.data(), down.band(), down.stride());
        down.filter_band(second_round);
    }
}

}  // namespace hashmatch
