// How a code is cut into parts, each a key into a table of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"

namespace hashmatch {

constexpr int kMaxParts = 64;
constexpr int kMinPartBits = 8;
constexpr int kMaxPartBits = 22;
constexpr int kSketchBits = 16;
constexpr int kSecondSketchBits = 8;

// n_parts disjoint runs of part_bits bits of the code, taken in a fixed pseudo-random order so that
// bits that vary together (neighbouring DCT coefficients) fall into different parts. Bits left over
// take part in no key, which keeps the search exact: parts can only differ less than the whole.
struct PartLayout {
    int n_parts = 0;  // 0: no parts, the index is scanned
    int part_bits = 0;
    int code_bits = 0;

    int64_t n_keys() const { return int64_t{1} << part_bits; }
};

// True where such a layout can exist.
bool is_sound(const PartLayout& layout);

// Cuts codes; holds the order of the bits.
class PartCutter {
  public:
    explicit PartCutter(const PartLayout& layout);

    uint32_t key(const uint8_t* code, int part) const;
    // All keys of a code, n_parts of them.
    void keys(const uint8_t* code, uint32_t* keys) const;
    // For two codes: the bits in which each key differs, and in which the part of it differs that a
    // sketch and a second sketch hold.
    struct Differences {
        int key[kMaxParts], sketch[kMaxParts], second_sketch[kMaxParts];
    };
    void differences(const uint8_t* a, const uint8_t* b, Differences& bits) const;

  private:
    void fill_rows();
    template <int kWords>
    void cut(const uint8_t* code, uint32_t* keys) const;

    PartLayout layout_;
    uint8_t byte_[kMaxCodeBytes * 8];
    uint8_t shift_[kMaxCodeBytes * 8];
    // By bit 8 * byte + shift of the code: its part, or kMaxParts for a bit in no part.
    uint8_t part_[kMaxCodeBytes * 8];
    bool in_sketch_[kMaxCodeBytes * 8];
    bool in_second_sketch_[kMaxCodeBytes * 8];
    // What each value of each half byte of a code, the lower half first, contributes to its keys, which lie
    // one after another in a row of n_words_ words.
    int n_words_;  // 1, 2, 4 or 8
    std::vector<uint64_t> rows_;
};

}  // namespace hashmatch
