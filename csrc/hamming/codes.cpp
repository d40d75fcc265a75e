#include "hamming/codes.h"

#include <algorithm>
#include <cstring>

#include "kernels/hamming_ops.h"

namespace hashmatch {

int64_t Codes::n_blocks() const { return (n + kBlockCodes - 1) / kBlockCodes; }

size_t Codes::block_bytes() const { return size_t{kBlockCodes} * n_planes; }

int planes_for(int n_bytes) { return std::min(n_bytes, kMaxPlanes); }

size_t plane_bytes(int64_t n, int n_bytes) {
    const size_t n_blocks = (n + kBlockCodes - 1) / kBlockCodes;
    return n_blocks * planes_for(n_bytes) * kBlockCodes;
}

void pack_planes(const uint8_t* rows, int64_t n, int n_bytes, uint8_t* planes) {
    const int n_planes = planes_for(n_bytes);
    for (int64_t first = 0; first < n; first += kBlockCodes, planes += n_planes * kBlockCodes) {
        const int64_t filled = std::min<int64_t>(kBlockCodes, n - first);
        if (filled < kBlockCodes) std::memset(planes, 0, size_t{kBlockCodes} * n_planes);
        for (int64_t i = 0; i < filled; ++i)
            for (int p = 0; p < n_planes; ++p) planes[p * kBlockCodes + i] = rows[(first + i) * n_bytes + p];
    }
}

}  // namespace hashmatch
