// Tables from keys to rows, one per substring, with one or two sketches for every posting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "hamming/codes.h"
#include "hamming/hamming_ball.h"
#include "hamming/substrings.h"

namespace hashmatch {

// Sketches are read in whole registers, which may extend past the last one by this many.
constexpr int kSketchPadding = 64;

// The arrays of the tables, borrowed. `sketches` must begin on a cache line.
template <template <class> class Element>
struct BasicTableSpans {
    std::span<Element<uint32_t>> directory;  // n_substrings x (n_keys + 1): where the postings of a key begin
    std::span<Element<uint32_t>> postings;   // n_substrings x n: rows by key
    std::span<Element<uint16_t>> sketches;   // n_substrings x n, and padding: low bits of the row's next key
    std::span<Element<uint8_t>> sketches2;   // n_substrings x n: low bits of the key after that; or empty
};
using TableSpans = BasicTableSpans<std::type_identity_t>;
using ConstTableSpans = BasicTableSpans<std::add_const_t>;

// Number of elements each array needs.
size_t directory_size(const SubstringLayout& layout);
size_t postings_size(const SubstringLayout& layout, int64_t n);
size_t sketches_size(const SubstringLayout& layout, int64_t n);
// Returns whether the arrays have these sizes.
bool has_fitting_sizes(const ConstTableSpans& spans, const SubstringLayout& layout, int64_t n);

// Fills the arrays for n codes: one counting sort per substring, divided among threads. Writes second sketches
// unless their span is empty. Cost: n_substrings passes over the codes; temporary memory 8 bytes per code and
// thread, 12 with second sketches.
void build_tables(const Codes& codes, const SubstringLayout& layout, int threads, const TableSpans& spans);

// Tables as they are searched. The arrays come from build_tables, or are mapped from a file that nobody has
// verified: readers clamp what they read here, so that damage can lose a match but never crash a process.
struct Tables {
    Tables(const SubstringLayout& layout, int64_t n, const ConstTableSpans& spans);

    struct Bucket {
        uint32_t begin, end;
        uint32_t size() const { return end - begin; }
    };

    const uint32_t* directory_entry(int substring, uint32_t key) const {
        return directory + substring * (layout.n_keys() + 1) + key;
    }
    static Bucket bucket_at(const uint32_t* entry, int64_t n) {
        const uint32_t limit = static_cast<uint32_t>(n);
        const uint32_t end = entry[1] < limit ? entry[1] : limit;
        return {entry[0] < end ? entry[0] : end, end};
    }
    Bucket bucket(int substring, uint32_t key) const { return bucket_at(directory_entry(substring, key), n); }
    const uint16_t* sketches_at(int substring, uint32_t position) const { return sketches + substring * n + position; }
    const uint8_t* sketches2_at(int substring, uint32_t position) const {
        return sketches2 ? sketches2 + substring * n + position : nullptr;
    }
    const uint32_t* postings_at(int substring, uint32_t position) const { return postings + substring * n + position; }

    SubstringLayout layout;
    int64_t n;
    const uint32_t* directory;
    const uint32_t* postings;
    const uint16_t* sketches;
    const uint8_t* sketches2;  // null if there are none
    SubstringCutter cutter;
    HammingBall ball;
};

}  // namespace hashmatch
