#include "hamming/substrings.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

namespace hashmatch {
namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a fixed, portable shuffle of small integers.
uint64_t mix(uint64_t value) {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

// Up to eight bytes as a number, the first least significant.
uint64_t load(const uint8_t* bytes, int n) {
    uint64_t word = 0;
    std::memcpy(&word, bytes, n);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

}  // namespace

bool is_sound(const SubstringLayout& layout) {
    return layout.n_substrings >= 1 && layout.n_substrings <= kMaxSubstrings &&
           layout.substring_bits >= kMinSubstringBits && layout.substring_bits <= kMaxSubstringBits &&
           layout.n_substrings * layout.substring_bits <= layout.code_bits && layout.code_bits <= kMaxCodeBytes * 8;
}

SubstringCutter::SubstringCutter(const SubstringLayout& layout) : layout_(layout) {
    std::vector<int> order(layout.code_bits);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [](int a, int b) { return mix(a) < mix(b); });
    for (int i = 0; i < layout.code_bits; ++i) {
        byte_[i] = static_cast<uint8_t>(order[i] / 8);
        shift_[i] = static_cast<uint8_t>(7 - order[i] % 8);
        const int bit = 8 * byte_[i] + shift_[i];
        const int substring = i / layout.substring_bits;
        const int place = layout.substring_bits - 1 - i % layout.substring_bits;
        substring_[bit] = static_cast<uint8_t>(substring < layout.n_substrings ? substring : kMaxSubstrings);
        in_sketch_[bit] = place < kSketchBits;
        in_second_sketch_[bit] = place < kSecondSketchBits;
    }
    fill_rows();
}

void SubstringCutter::fill_rows() {
    n_words_ = 1;
    while (64 * n_words_ < layout_.code_bits) n_words_ *= 2;
    const size_t n_words = n_words_, substring_bits = layout_.substring_bits;
    rows_.assign(layout_.code_bits / 4 * 16 * n_words, 0);
    for (size_t i = 0; i < layout_.n_substrings * substring_bits; ++i) {
        const size_t at = i + substring_bits - 1 - 2 * (i % substring_bits);  // the first bit of a key is its highest
        const size_t half = 2u * byte_[i] + shift_[i] / 4u;
        for (size_t value = 0; value < 16; ++value)
            if (value >> shift_[i] % 4 & 1) rows_[(16 * half + value) * n_words + at / 64] |= uint64_t{1} << at % 64;
    }
}

uint32_t SubstringCutter::key(const uint8_t* code, int substring) const {
    uint32_t key = 0;
    for (int i = substring * layout_.substring_bits, end = i + layout_.substring_bits; i < end; ++i)
        key = key << 1 | ((code[byte_[i]] >> shift_[i]) & 1u);
    return key;
}

template <int kWords>
void SubstringCutter::cut(const uint8_t* code, uint32_t* keys) const {
    uint64_t row[kWords + 1] = {};  // one more, as a key may begin in one word and end in the next
    const uint64_t* rows = rows_.data();
    for (int byte = 0; byte < layout_.code_bits / 8; ++byte, rows += 2 * 16 * kWords) {
        const uint64_t* low = rows + (code[byte] & 15) * kWords;
        const uint64_t* high = rows + (16 + (code[byte] >> 4)) * kWords;
        for (int word = 0; word < kWords; ++word) row[word] |= low[word] | high[word];
    }
    const uint32_t mask = (uint32_t{1} << layout_.substring_bits) - 1;
    for (int substring = 0, at = 0; substring < layout_.n_substrings; ++substring, at += layout_.substring_bits) {
        const uint64_t begun = row[at / 64] >> at % 64, ended = row[at / 64 + 1] << 1 << (63 - at % 64);
        keys[substring] = static_cast<uint32_t>(begun | ended) & mask;
    }
}

void SubstringCutter::keys(const uint8_t* code, uint32_t* keys) const {
    if (n_words_ == 1) cut<1>(code, keys);
    if (n_words_ == 2) cut<2>(code, keys);
    if (n_words_ == 4) cut<4>(code, keys);
    if (n_words_ == 8) cut<8>(code, keys);
}

void SubstringCutter::differences(const uint8_t* a, const uint8_t* b, Differences& bits) const {
    std::fill(bits.key, bits.key + layout_.n_substrings, 0);
    std::fill(bits.sketch, bits.sketch + layout_.n_substrings, 0);
    std::fill(bits.second_sketch, bits.second_sketch + layout_.n_substrings, 0);
    const int n_bytes = layout_.code_bits / 8;
    for (int byte = 0; byte < n_bytes; byte += 8) {
        const int n_some = std::min(8, n_bytes - byte);
        for (uint64_t left = load(a + byte, n_some) ^ load(b + byte, n_some); left; left &= left - 1) {
            const int bit = 8 * byte + __builtin_ctzll(left);
            if (substring_[bit] == kMaxSubstrings) continue;
            ++bits.key[substring_[bit]];
            bits.sketch[substring_[bit]] += in_sketch_[bit];
            bits.second_sketch[substring_[bit]] += in_second_sketch_[bit];
        }
    }
}

}  // namespace hashmatch
