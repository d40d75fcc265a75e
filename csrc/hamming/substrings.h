// Substrings of a code, each a key into a table of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "hamming/codes.h"

namespace hashmatch {

constexpr int kMaxSubstrings = 64;
constexpr int kMinSubstringBits = 8;
constexpr int kMaxSubstringBits = 22;
constexpr int kSketchBits = 16;
constexpr int kSecondSketchBits = 8;

// n_substrings disjoint runs of substring_bits bits of the code, taken in a fixed pseudo-random order so that
// bits that vary together (neighbouring DCT coefficients) fall into different substrings. Leftover bits are in
// no key, which keeps the search exact: substrings can only differ in fewer bits than the whole.
struct SubstringLayout {
    int n_substrings = 0;  // 0: no tables, the index is scanned
    int substring_bits = 0;
    int code_bits = 0;

    int64_t n_keys() const { return int64_t{1} << substring_bits; }
};

// Returns whether such a layout is possible.
bool is_sound(const SubstringLayout& layout);

// Cuts codes into keys. Holds the order of the bits.
class SubstringCutter {
  public:
    explicit SubstringCutter(const SubstringLayout& layout);

    uint32_t key(const uint8_t* code, int substring) const;
    // Writes all n_substrings keys of a code.
    void keys(const uint8_t* code, uint32_t* keys) const;
    // For two codes: the number of bits in which each key differs, and of those the ones that a sketch and a
    // second sketch hold.
    struct Differences {
        int key[kMaxSubstrings], sketch[kMaxSubstrings], second_sketch[kMaxSubstrings];
    };
    void differences(const uint8_t* a, const uint8_t* b, Differences& bits) const;

  private:
    void fill_rows();
    template <int kWords>
    void cut(const uint8_t* code, uint32_t* keys) const;

    SubstringLayout layout_;
    uint8_t byte_[kMaxCodeBytes * 8];
    uint8_t shift_[kMaxCodeBytes * 8];
    // By bit 8 * byte + shift of the code: its substring, or kMaxSubstrings for a leftover bit.
    uint8_t substring_[kMaxCodeBytes * 8];
    bool in_sketch_[kMaxCodeBytes * 8];
    bool in_second_sketch_[kMaxCodeBytes * 8];
    // Contribution of each value of each half byte of a code, lower half first, to its keys, which are packed
    // one after another into n_words_ words.
    int n_words_;  // 1, 2, 4 or 8
    std::vector<uint64_t> rows_;
};

}  // namespace hashmatch
