// Packed codes of an index, borrowed from memory or from a mapped file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashmatch {

constexpr int kMinCodeBytes = 8;   // 64 bits
constexpr int kMaxCodeBytes = 64;  // 512 bits

struct Codes {
    const uint8_t* rows;    // n x n_bytes: whole codes, for exact distances
    const uint8_t* planes;  // n_blocks x n_planes x 64: leading bytes, transposed, for the filter
    const int64_t* ids;     // n, or null if the id is the row
    int64_t n;
    int n_bytes;
    int n_planes;

    int64_t n_blocks() const;
    size_t block_bytes() const;
    int64_t id(int64_t row) const { return ids ? ids[row] : row; }
    const uint8_t* code(int64_t row) const { return rows + row * n_bytes; }
};

// Planes stored for codes of n_bytes: all bytes of a short code, 128 bits of a long one.
int planes_for(int n_bytes);
// Size of the planes of n codes, in bytes.
size_t plane_bytes(int64_t n, int n_bytes);
// Writes the planes of n codes; the last block is padded with zeros.
void pack_planes(const uint8_t* rows, int64_t n, int n_bytes, uint8_t* planes);

}  // namespace hashmatch
