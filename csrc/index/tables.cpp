#include "index/tables.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "index/threads.h"

namespace hashmatch {
namespace {

void build_one(const Codes& codes, const PartLayout& layout, const PartCutter& cutter, int part, uint32_t* directory,
               uint32_t* postings, uint16_t* sketches) {
    const size_t n = static_cast<size_t>(codes.n);
    const int next_part = (part + 1) % layout.n_parts;
    std::vector<uint32_t> keys(n);
    std::vector<uint16_t> next_keys(n);
    std::fill(directory, directory + layout.n_keys() + 1, 0);
    for (size_t row = 0; row < n; ++row) {
        const uint8_t* code = codes.code(static_cast<int64_t>(row));
        keys[row] = cutter.key(code, part);
        next_keys[row] = static_cast<uint16_t>(cutter.key(code, next_part));
        ++directory[keys[row] + 1];
    }
    for (int64_t key = 0; key < layout.n_keys(); ++key) directory[key + 1] += directory[key];

    std::vector<uint32_t> next(directory, directory + layout.n_keys());
    for (size_t row = 0; row < n; ++row) {
        const uint32_t position = next[keys[row]]++;
        postings[position] = static_cast<uint32_t>(row);
        sketches[position] = next_keys[row];
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
                  uint16_t* sketches) {
    const PartCutter cutter(layout);
    std::atomic<int> next{0};
    run_threads(std::max(1, std::min(threads, layout.n_parts)), [&](int) {
        for (int part; (part = next.fetch_add(1)) < layout.n_parts;)
            build_one(codes, layout, cutter, part, directory + part * (layout.n_keys() + 1), postings + part * codes.n,
                      sketches + part * codes.n);
    });
    std::memset(sketches + postings_size(layout, codes.n), 0, kSketchPadding * sizeof(uint16_t));
}

}  // namespace hashmatch
