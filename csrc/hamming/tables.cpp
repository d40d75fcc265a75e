#include "hamming/tables.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "hamming/threads.h"

namespace hashmatch {
namespace {

// The keys of all codes in one part after another and in the parts that follow it, which sketches are of.
class KeyWindow {
  public:
    KeyWindow(const Codes& codes, const PartLayout& layout, const PartCutter& cutter, int n_following)
        : codes_(codes), n_parts_(layout.n_parts), cutter_(cutter), keys_(static_cast<size_t>(n_following) + 1) {}

    // Goes to a part; cheapest where that is the next.
    void go_to(int part) {
        if (part == part_ + 1) std::rotate(keys_.begin(), keys_.begin() + 1, keys_.end());
        const size_t n_kept = part == part_ + 1 ? keys_.size() - 1 : 0;
        for (size_t i = n_kept; i < keys_.size(); ++i) cut((part + static_cast<int>(i)) % n_parts_, keys_[i]);
        part_ = part;
    }

    // The row's key in the part that comes so many after the one gone to.
    uint32_t key(size_t row, size_t following) const { return keys_[following][row]; }

  private:
    void cut(int part, std::vector<uint32_t>& keys) {
        keys.resize(static_cast<size_t>(codes_.n));
        for (size_t row = 0; row < keys.size(); ++row)
            keys[row] = cutter_.key(codes_.code(static_cast<int64_t>(row)), part);
    }

    const Codes& codes_;
    const int n_parts_;
    const PartCutter& cutter_;
    std::vector<std::vector<uint32_t>> keys_;
    int part_ = -2;  // none, nor the one before the first
};

void build_one(const KeyWindow& window, const PartLayout& layout, size_t n, uint32_t* directory, uint32_t* postings,
               uint16_t* sketches, uint8_t* sketches2) {
    std::fill(directory, directory + layout.n_keys() + 1, 0);
    for (size_t row = 0; row < n; ++row) ++directory[window.key(row, 0) + 1];
    for (int64_t key = 0; key < layout.n_keys(); ++key) directory[key + 1] += directory[key];

    std::vector<uint32_t> next(directory, directory + layout.n_keys());
    for (size_t row = 0; row < n; ++row) {
        const uint32_t position = next[window.key(row, 0)]++;
        postings[position] = static_cast<uint32_t>(row);
        sketches[position] = static_cast<uint16_t>(window.key(row, 1));
        if (sketches2) sketches2[position] = static_cast<uint8_t>(window.key(row, 2));
    }
}

}  // namespace

size_t directory_size(const PartLayout& layout) {
    return static_cast<size_t>(layout.n_parts) * static_cast<size_t>(layout.n_keys() + 1);
}

size_t postings_size(const PartLayout& layout, int64_t n) {
    return static_cast<size_t>(layout.n_parts) * static_cast<size_t>(n);
}

size_t sketches_size(const PartLayout& layout, int64_t n) { return postings_size(layout, n) + kSketchPadding; }

void build_tables(const Codes& codes, const PartLayout& layout, int threads, uint32_t* directory, uint32_t* postings,
                  uint16_t* sketches, uint8_t* sketches2) {
    const PartCutter cutter(layout);
    const int n_threads = std::max(1, std::min(threads, layout.n_parts));
    run_threads(n_threads, [&](int thread) {
        KeyWindow window(codes, layout, cutter, sketches2 ? 2 : 1);
        const int end = (thread + 1) * layout.n_parts / n_threads;
        for (int part = thread * layout.n_parts / n_threads; part < end; ++part) {
            window.go_to(part);
            const int64_t first = part * codes.n;
            build_one(window, layout, static_cast<size_t>(codes.n), directory + part * (layout.n_keys() + 1),
                      postings + first, sketches + first, sketches2 ? sketches2 + first : nullptr);
        }
    });
    std::memset(sketches + postings_size(layout, codes.n), 0, kSketchPadding * sizeof(uint16_t));
}

}  // namespace hashmatch
