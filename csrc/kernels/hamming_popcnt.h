// Distances of whole codes by the POPCNT instruction, for every x86-64 kernel.
#pragma once

#include <nmmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define HM_POPCNT __attribute__((target("popcnt")))

namespace hashmatch {

// kWords is the width for the usual widths, so that the loop over words unrolls; otherwise 0.
template <int kWords>
HM_POPCNT inline void distances_of_words(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query,
                                         uint16_t* distances) {
    const int n_words = kWords ? kWords : n_bytes / 8;
    for (size_t i = 0; i < n; ++i, codes += n_bytes) {
        uint64_t distance = 0;
        for (int word = 0; word < n_words; ++word) {
            uint64_t a, b;
            std::memcpy(&a, codes + 8 * word, 8);
            std::memcpy(&b, query + 8 * word, 8);
            distance += static_cast<uint64_t>(_mm_popcnt_u64(a ^ b));
        }
        for (int byte = 8 * n_words; byte < n_bytes; ++byte)
            distance += static_cast<uint64_t>(_mm_popcnt_u32(static_cast<unsigned>(codes[byte] ^ query[byte])));
        distances[i] = static_cast<uint16_t>(distance);
    }
}

inline void distances_by_popcnt(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query,
                                uint16_t* distances) {
    switch (n_bytes) {
        case 8:
            return distances_of_words<1>(codes, n, 8, query, distances);
        case 16:
            return distances_of_words<2>(codes, n, 16, query, distances);
        case 32:
            return distances_of_words<4>(codes, n, 32, query, distances);
        case 64:
            return distances_of_words<8>(codes, n, 64, query, distances);
        default:
            return distances_of_words<0>(codes, n, n_bytes, query, distances);
    }
}

#undef HM_POPCNT

}  // namespace hashmatch
