// HammingOps in plain C++, eight bytes to a word. A kernel includes this inside its unnamed namespace,
// with HM_TARGET defined as the function attribute that names the instruction set. No #pragma once: the
// text is compiled once per kernel.

constexpr uint64_t kOdd = 0x5555555555555555u;
constexpr uint64_t kPairs = 0x3333333333333333u;
constexpr uint64_t kNibbles = 0x0f0f0f0f0f0f0f0fu;
constexpr uint64_t kBytes = 0x0101010101010101u;

HM_TARGET inline uint64_t load_word(const uint8_t* from) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

// Bits set in each nibble of `word`.
HM_TARGET inline uint64_t nibble_counts(uint64_t word) {
    word -= (word >> 1) & kOdd;
    return (word & kPairs) + ((word >> 2) & kPairs);
}

HM_TARGET inline int count_bits(uint64_t word) {
    const uint64_t nibbles = nibble_counts(word);
    return static_cast<int>((((nibbles + (nibbles >> 4)) & kNibbles) * kBytes) >> 56);
}

// Adds to `counts` the number of differing bits in each of the 64 columns of kPlanes planes: at most
// three, so that a sum fits in a nibble.
template <int kPlanes>
HM_TARGET inline void add_planes(const uint8_t* planes, const uint8_t* query, uint64_t counts[8]) {
    for (int word = 0; word < 8; ++word) {
        uint64_t nibbles = 0;
        for (int p = 0; p < kPlanes; ++p)
            nibbles += nibble_counts(load_word(planes + p * kBlockCodes + 8 * word) ^ query[p] * kBytes);
        counts[word] += (nibbles & kNibbles) + ((nibbles >> 4) & kNibbles);
    }
}

// One bit for each of 64 counts of at most 128, set if the count is at most `radius`.
HM_TARGET inline uint64_t mask_within(const uint64_t counts[8], int radius) {
    if (radius > 127) return ~uint64_t{0};
    // The top bit of a byte survives if its count does not exceed the radius.
    const uint64_t bound = static_cast<uint64_t>(128 + radius) * kBytes;
    uint64_t mask = 0;
    for (int word = 0; word < 8; ++word) {
        uint64_t within = ((bound - counts[word]) >> 7) & kBytes;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        within = __builtin_bswap64(within);
#endif
        // Gathers the lowest bit of byte i into bit 56 + i.
        mask |= (within * 0x0102040810204080u) >> 56 << 8 * word;
    }
    return mask;
}

// Filters all blocks by one query, whose masks are n_queries apart.
HM_TARGET inline void filter_plain(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
                                   const uint8_t* query, int radius, uint64_t* masks, size_t n_queries) {
    for (size_t block = 0; block < n_blocks; ++block) {
        const uint8_t* plane = planes + block * stride_bytes;
        uint64_t counts[8] = {};
        int p = 0;
        for (; p + 3 <= n_planes; p += 3) add_planes<3>(plane + p * kBlockCodes, query + p, counts);
        if (n_planes - p == 2) add_planes<2>(plane + p * kBlockCodes, query + p, counts);
        if (n_planes - p == 1) add_planes<1>(plane + p * kBlockCodes, query + p, counts);
        masks[block * n_queries] = mask_within(counts, radius);
    }
}

HM_TARGET inline void filter1_plain(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
                                    const uint8_t* query, int radius, uint64_t* masks) {
    filter_plain(planes, stride_bytes, n_blocks, n_planes, query, radius, masks, 1);
}

// One query at a time: there are too few registers for more.
HM_TARGET inline void filter4_plain(const uint8_t* planes, size_t stride_bytes, size_t n_blocks, int n_planes,
                                    const uint8_t* const* queries, int radius, uint64_t* masks) {
    for (int query = 0; query < kFilterQueries; ++query)
        filter_plain(planes, stride_bytes, n_blocks, n_planes, queries[query], radius, masks + query, kFilterQueries);
}

HM_TARGET inline void distances_plain(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query,
                                      uint16_t* out) {
    for (size_t i = 0; i < n; ++i, codes += n_bytes) {
        int distance = 0, byte = 0;
        for (; byte + 8 <= n_bytes; byte += 8)
            distance += count_bits(load_word(codes + byte) ^ load_word(query + byte));
        for (; byte < n_bytes; ++byte) distance += count_bits(static_cast<uint64_t>(codes[byte] ^ query[byte]));
        out[i] = static_cast<uint16_t>(distance);
    }
}

// Four sketches to a word.
HM_TARGET inline size_t near_pairs_plain(const uint16_t* queries, size_t n_queries, const uint16_t* postings,
                                         size_t n_postings, int limit, NearPair* pairs) {
    constexpr uint64_t kLanes = 0x0001000100010001u;
    constexpr uint64_t kLow = 0x00ff00ff00ff00ffu;
    if (limit < 0) return 0;
    const uint64_t bound = static_cast<uint64_t>(limit < 16 ? limit : 16) * kLanes;
    size_t found = 0;
    for (size_t first = 0; first < n_postings; first += 4) {
        uint64_t sketches;
        std::memcpy(&sketches, postings + first, sizeof sketches);
        const size_t filled = n_postings - first < 4 ? n_postings - first : 4;
        for (size_t query = 0; query < n_queries; ++query) {
            const uint64_t nibbles = nibble_counts(sketches ^ queries[query] * kLanes);
            const uint64_t bytes = (nibbles + (nibbles >> 4)) & kNibbles;
            const uint64_t counts = (bytes + (bytes >> 8)) & kLow;
            // The top bit of a lane survives if its count does not exceed the bound.
            const uint64_t within = ((bound | kLanes << 15) - counts) & kLanes << 15;
            if (!within) continue;
            uint16_t lanes[4];
            std::memcpy(lanes, &within, sizeof lanes);
            for (size_t lane = 0; lane < filled; ++lane)
                if (lanes[lane]) pairs[found++] = {static_cast<uint32_t>(query), static_cast<uint32_t>(first + lane)};
        }
    }
    return found;
}
