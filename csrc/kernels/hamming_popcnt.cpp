#if defined(__x86_64__)
#include "kernels/hamming_popcnt.h"

#include <nmmintrin.h>
#include <cstring>

#define HASHMATCH_POPCNT __attribute__((target("popcnt")))

namespace hashmatch {

HASHMATCH_POPCNT void hamming_distances_popcnt(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query,
                                               uint16_t* distances) {
    for (size_t i = 0; i < n; ++i, codes += n_bytes) {
        uint64_t distance = 0;
        int byte = 0;
        for (; byte + 8 <= n_bytes; byte += 8) {
            uint64_t a, b;
            std::memcpy(&a, codes + byte, 8);
            std::memcpy(&b, query + byte, 8);
            distance += static_cast<uint64_t>(_mm_popcnt_u64(a ^ b));
        }
        for (; byte < n_bytes; ++byte)
            distance += static_cast<uint64_t>(_mm_popcnt_u32(static_cast<unsigned>(codes[byte] ^ query[byte])));
        distances[i] = static_cast<uint16_t>(distance);
    }
}

}  // namespace hashmatch
#endif
