// Tables from keys to rows, one per part, with a sketch or two beside every posting.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hamming/codes.h"
#include "hamming/flips.h"
#include "hamming/parts.h"

namespace hashmatch {

// Sketches read in whole registers may run past the last one by this many.
constexpr int kSketchPadding = 64;

// The arrays are borrowed. They were written by build_tables, or are mapped from a file that nobody
// has verified: readers clamp what they take from here, so that damage can lose a match but never a
// process.
struct Tables {
    PartLayout layout;
    int64_t n;
    const uint32_t* directory;  // n_parts x (n_keys + 1): where a key's postings begin
    const uint32_t* postings;   // n_parts x n: rows by key
    const uint16_t* sketches;   // n_parts x n: low bits of the row's next key
    const uint8_t* sketches2;   // n_parts x n: low bits of the row's key after next; null where there are none
    PartCutter cutter{layout};
    Flips flips{layout.part_bits, kMaxThreshold};

    struct Bucket {
        uint32_t begin, end;
        uint32_t size() const { return end - begin; }
    };

    const uint32_t* directory_entry(int part, uint32_t key) const {
        return directory + part * (layout.n_keys() + 1) + key;
    }
    static Bucket bucket_at(const uint32_t* entry, int64_t n) {
        const uint32_t limit = static_cast<uint32_t>(n);
        const uint32_t end = entry[1] < limit ? entry[1] : limit;
        return {entry[0] < end ? entry[0] : end, end};
    }
    Bucket bucket(int part, uint32_t key) const { return bucket_at(directory_entry(part, key), n); }
    const uint16_t* sketches_at(int part, uint32_t position) const { return sketches + part * n + position; }
    const uint8_t* sketches2_at(int part, uint32_t position) const {
        return sketches2 ? sketches2 + part * n + position : nullptr;
    }
    const uint32_t* postings_at(int part, uint32_t position) const { return postings + part * n + position; }
};

// Numbers of elements the arrays need.
size_t directory_size(const PartLayout& layout);
size_t postings_size(const PartLayout& layout, int64_t n);
size_t sketches_size(const PartLayout& layout, int64_t n);

// Fills the arrays for n codes: a counting sort per part, the parts shared out among threads. sketches2 may
// be null.
// Cost: n_parts passes over the codes; temporary memory 8 bytes a code and thread, 12 with sketches2.
void build_tables(const Codes& codes, const PartLayout& layout, int threads, uint32_t* directory, uint32_t* postings,
                  uint16_t* sketches, uint8_t* sketches2);

}  // namespace hashmatch
