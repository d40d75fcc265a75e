#include "hamming/tables.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "hamming/parallel.h"

namespace hashmatch {
namespace {

// Keys of all codes in one substring, and in those that follow it, which the sketches are taken from.
class KeyWindow {
  public:
    KeyWindow(const Codes& codes, const SubstringLayout& layout, const SubstringCutter& cutter, int n_following)
        : codes_(codes), n_substrings_(layout.n_substrings), cutter_(cutter), keys_(n_following + 1) {}

    // Moves to a substring; cheapest if it is the next one.
    void move_to(int substring) {
        if (substring == substring_ + 1) std::rotate(keys_.begin(), keys_.begin() + 1, keys_.end());
        const int n_keys = static_cast<int>(keys_.size());
        for (int i = substring == substring_ + 1 ? n_keys - 1 : 0; i < n_keys; ++i)
            cut_keys((substring + i) % n_substrings_, keys_[i]);
        substring_ = substring;
    }

    // Returns the row's key in the substring `following` places after the current one.
    uint32_t key(size_t row, size_t following) const { return keys_[following][row]; }

  private:
    void cut_keys(int substring, std::vector<uint32_t>& keys) {
        keys.resize(codes_.n);
        for (int64_t row = 0; row < codes_.n; ++row) keys[row] = cutter_.key(codes_.code(row), substring);
    }

    const Codes& codes_;
    const int n_substrings_;
    const SubstringCutter& cutter_;
    std::vector<std::vector<uint32_t>> keys_;
    int substring_ = -2;  // neither a substring nor the one before the first
};

// Fills the arrays of one substring, of n codes each.
void build_table(const KeyWindow& window, const SubstringLayout& layout, int64_t n, const TableSpans& spans) {
    const std::span<uint32_t> directory = spans.directory;
    std::fill(directory.begin(), directory.end(), 0);
    for (int64_t row = 0; row < n; ++row) ++directory[window.key(row, 0) + 1];
    for (int64_t key = 0; key < layout.n_keys(); ++key) directory[key + 1] += directory[key];

    std::vector<uint32_t> next(directory.begin(), directory.end() - 1);
    for (int64_t row = 0; row < n; ++row) {
        const uint32_t position = next[window.key(row, 0)]++;
        spans.postings[position] = static_cast<uint32_t>(row);
        spans.sketches[position] = static_cast<uint16_t>(window.key(row, 1));
        if (!spans.sketches2.empty()) spans.sketches2[position] = static_cast<uint8_t>(window.key(row, 2));
    }
}

}  // namespace

size_t directory_size(const SubstringLayout& layout) { return layout.n_substrings * (layout.n_keys() + 1); }

size_t postings_size(const SubstringLayout& layout, int64_t n) { return layout.n_substrings * n; }

size_t sketches_size(const SubstringLayout& layout, int64_t n) { return postings_size(layout, n) + kSketchPadding; }

bool has_fitting_sizes(const ConstTableSpans& spans, const SubstringLayout& layout, int64_t n) {
    return spans.directory.size() == directory_size(layout) && spans.postings.size() == postings_size(layout, n) &&
           spans.sketches.size() == sketches_size(layout, n) &&
           (spans.sketches2.empty() || spans.sketches2.size() == postings_size(layout, n));
}

void build_tables(const Codes& codes, const SubstringLayout& layout, int threads, const TableSpans& spans) {
    const SubstringCutter cutter(layout);
    const int n_following = spans.sketches2.empty() ? 1 : 2;
    // One range per thread: moving a window to the next substring is cheapest.
    const int64_t grain = (layout.n_substrings + threads - 1) / threads;
    parallel_for(layout.n_substrings, grain, threads, [&](int, Ranges& ranges) {
        KeyWindow window(codes, layout, cutter, n_following);
        ranges.for_each([&](int64_t substring) {
            window.move_to(static_cast<int>(substring));
            const size_t n_entries = layout.n_keys() + 1, n = codes.n;
            build_table(window, layout, codes.n,
                        {spans.directory.subspan(substring * n_entries, n_entries),
                         spans.postings.subspan(substring * n, n), spans.sketches.subspan(substring * n, n),
                         spans.sketches2.empty() ? spans.sketches2 : spans.sketches2.subspan(substring * n, n)});
        });
    });
    std::memset(spans.sketches.data() + postings_size(layout, codes.n), 0, kSketchPadding * sizeof(uint16_t));
}

Tables::Tables(const SubstringLayout& layout, int64_t n, const ConstTableSpans& spans)
    : layout(layout),
      n(n),
      directory(spans.directory.data()),
      postings(spans.postings.data()),
      sketches(spans.sketches.data()),
      sketches2(spans.sketches2.empty() ? nullptr : spans.sketches2.data()),
      cutter(layout),
      ball(layout.substring_bits, kMaxThreshold) {}

}  // namespace hashmatch
