#include "hash/pdq_wide.h"

#include <algorithm>
#include <vector>

#include "hash/pdq_geometry.h"
#include "hash/pdq_reference.h"

namespace hashmatch {
namespace {

// Box filter down the columns of `n` values side by side, whose rows lie `n` apart. Calls sink(row, means)
// for each row from the top.
template <typename Sink>
void filter_down(const PdqOps& ops, const float* values, size_t n, int height, Sink sink) {
    const int window = box_window(height), right = window / 2;
    std::vector<float> sums(n), means(n);
    const auto row = [&](int at) { return at >= 0 && at < height ? values + at * n : nullptr; };
    for (int at = 0; at < height + right; ++at) {
        const int centre = at - right;
        const int count = centre < 0 ? 1 : window_count(centre, window, height);
        ops.box_step(sums.data(), row(at), row(at - window), n, count, means.data());
        if (centre >= 0) sink(centre, means.data());
    }
}

// First filter along the rows. The running sum of each row is all that is kept from block to block: what
// leaves the window is read from the picture again.
class FirstRows {
  public:
    FirstRows(const PdqOps& ops, const Picture& picture, int block)
        : ops_(ops),
          picture_(picture),
          window_(box_window(picture.width_px)),
          sums_(picture.height_px),
          in_(block),
          out_(block),
          means_(static_cast<size_t>(block) * picture.height_px) {}

    // Moves the leading edge of the windows over columns begin .. end - 1. Returns the means at the columns
    // that these windows have as their centres, row by row: end - begin of them, less those before the picture.
    const float* advance(int begin, int end) {
        const int right = window_ / 2, n = end - begin, first = std::max(begin - right, 0);
        const int n_means = std::max(end - right - first, 0);
        for (int row = 0; row < picture_.height_px; ++row) {
            read(row, begin, n, in_.data());
            read(row, begin - window_, n, out_.data());
            float sum = sums_[row];
            float* means = &means_[static_cast<size_t>(row) * n_means];
            for (int i = 0; i < n; ++i) {
                sum = (sum + in_[i]) - out_[i];
                const int centre = begin + i - right;
                if (centre < 0) continue;
                *means++ = sum / static_cast<float>(window_count(centre, window_, picture_.width_px));
            }
            sums_[row] = sum;
        }
        return means_.data();
    }

  private:
    // Luma of n columns from `begin`; 0 outside of the picture.
    void read(int row, int begin, int n, float* luma) const {
        const int width = picture_.width_px;
        const int first = std::clamp(begin, 0, width), last = std::clamp(begin + n, 0, width);
        std::fill(luma, luma + n, 0.0f);
        if (first < last) read_luma(ops_, picture_, row, first, last - first, luma + (first - begin));
    }

    const PdqOps& ops_;
    const Picture& picture_;
    const int window_;
    std::vector<float> sums_, in_, out_, means_;
};

// Second filter along the rows, at the sampled columns only. Keeps the last columns of the first round, as
// many as one window and a block.
class SecondRows {
  public:
    SecondRows(int height, int width, int block)
        : height_(height),
          width_(width),
          window_(box_window(width)),
          kept_(window_ + block),
          recent_(static_cast<size_t>(kept_) * height),
          sums_(height),
          samples_(static_cast<size_t>(height) * kGridSide) {}

    // Takes n values of a row, which follow those given before; nulls stand for columns past the picture.
    void add(int row, const float* values, int n) {
        float* recent = &recent_[static_cast<size_t>(row) * kept_];
        float sum = sums_[row];
        int at = n_in_, to = n_in_ % kept_, from = (n_in_ + kept_ - window_) % kept_, sample = next_sample_;
        for (int i = 0; i < n; ++i, ++at) {
            const float in = values ? values[i] : 0.0f;
            const float out = recent[from];  // 0 before the first column
            recent[to] = in;
            sum = (sum + in) - out;
            if (++to == kept_) to = 0;
            if (++from == kept_) from = 0;
            const int centre = at - window_ / 2;
            for (; sample < kGridSide && sample_centre(sample, width_) == centre; ++sample)
                samples_[static_cast<size_t>(row) * kGridSide + sample] =
                    sum / static_cast<float>(window_count(centre, window_, width_));
        }
        sums_[row] = sum;
    }
    // Ends the block of n columns that add() received for every row.
    void finish_block(int n) {
        n_in_ += n;
        while (next_sample_ < kGridSide && sample_centre(next_sample_, width_) < n_in_ - window_ / 2) ++next_sample_;
    }

    // The means at the sampled columns, height x kGridSide.
    const float* samples() const { return samples_.data(); }

  private:
    const int height_, width_, window_, kept_;
    std::vector<float> recent_, sums_, samples_;
    int n_in_ = 0, next_sample_ = 0;
};

}  // namespace

void compute_wide_grid(const PdqOps& ops, const Picture& picture, size_t block_cells, float* grid) {
    const int height = picture.height_px, width = picture.width_px, right = box_window(width) / 2;
    const int block = static_cast<int>(std::clamp<size_t>(block_cells / height, 1, width));
    FirstRows first_rows(ops, picture, block);
    SecondRows second_rows(height, width, block);
    for (int begin = 0; begin < width + right; begin += block) {
        const int end = std::min(begin + block, width + right);
        const int n_means = std::max(end - right, 0) - std::max(begin - right, 0);
        const float* means = first_rows.advance(begin, end);
        if (n_means == 0) continue;
        filter_down(ops, means, n_means, height,
                    [&](int row, const float* values) { second_rows.add(row, values, n_means); });
        second_rows.finish_block(n_means);
    }
    for (int done = 0; done < right; done += block) {
        const int n = std::min(block, right - done);
        for (int row = 0; row < height; ++row) second_rows.add(row, nullptr, n);
        second_rows.finish_block(n);
    }
    int sample = 0;
    filter_down(ops, second_rows.samples(), kGridSide, height, [&](int row, const float* means) {
        for (; sample < kGridSide && sample_centre(sample, height) == row; ++sample)
            std::copy(means, means + kGridSide, grid + sample * kGridSide);
    });
}

}  // namespace hashmatch
