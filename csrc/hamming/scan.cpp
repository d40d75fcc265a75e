#include "hamming/scan.h"

#include <algorithm>
#include <vector>

#include "hamming/parallel.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

// The filtered planes of a tile stay in the first-level cache while every query passes over it.
constexpr int64_t kTileBlocks = 32;
constexpr int64_t kTileCodes = kTileBlocks * kBlockCodes;
// Hits for which memory is reserved at once in a crowd of near codes.
constexpr int64_t kMaxReserved = int64_t{1} << 20;

// Searches one tile at a time and collects the hits.
class TileScanner {
  public:
    TileScanner(const Codes& codes, int radius, int n_planes, Hits& hits)
        : codes_(codes), ops_(active_kernel().hamming), n_planes_(n_planes), radius_(radius), hits_(hits) {}

    // Compares queries [first_query, last_query) with the codes of one tile.
    void scan(const uint8_t* queries, int64_t first_query, int64_t last_query, int64_t tile) {
        first_block_ = tile * kTileBlocks;
        n_blocks_ = std::min(kTileBlocks, codes_.n_blocks() - first_block_);
        for (int64_t q = first_query; q < last_query;) {
            const int64_t left = last_query - q;
            const uint8_t* query = queries + q * codes_.n_bytes;
            if (n_planes_ == 0) {
                compare_whole(query, q);
                q += 1;
            } else if (left < kFilterQueries) {
                filter_one(query, q);
                q += 1;
            } else {
                filter_four(query, q);
                q += kFilterQueries;
            }
        }
    }

  private:
    void filter_one(const uint8_t* query, int64_t q) {
        uint64_t masks[kTileBlocks];
        ops_.filter1(planes(), codes_.block_bytes(), n_blocks_, n_planes_, query, filter_radius(), masks);
        for (int64_t block = 0; block < n_blocks_; ++block)
            if (masks[block]) verify(query, q, block, masks[block]);
    }

    void filter_four(const uint8_t* query, int64_t q) {
        const uint8_t* four[kFilterQueries];
        for (int i = 0; i < kFilterQueries; ++i) four[i] = query + i * codes_.n_bytes;
        uint64_t masks[kTileBlocks * kFilterQueries];
        ops_.filter4(planes(), codes_.block_bytes(), n_blocks_, n_planes_, four, filter_radius(), masks);
        for (int64_t block = 0; block < n_blocks_; ++block)
            for (int i = 0; i < kFilterQueries; ++i)
                if (const uint64_t mask = masks[block * kFilterQueries + i]) verify(four[i], q + i, block, mask);
    }

    void verify(const uint8_t* query, int64_t q, int64_t block, uint64_t mask) {
        if (mask == ~uint64_t{0} && (first_block_ + block + 1) * kBlockCodes <= codes_.n) {
            verify_all(query, q, (first_block_ + block) * kBlockCodes);
            return;
        }
        for (; mask; mask &= mask - 1) {
            const int64_t row = (first_block_ + block) * kBlockCodes + __builtin_ctzll(mask);
            if (row >= codes_.n) return;  // padding of the last block
            uint16_t distance;
            ops_.distances(codes_.code(row), 1, codes_.n_bytes, query, &distance);
            if (distance <= radius_) hits_.push_back({q, row, distance});
        }
    }

    // Verifies a whole block, as in a crowd of equal codes.
    void verify_all(const uint8_t* query, int64_t q, int64_t first) {
        // Growing step by step would copy the hits of a large crowd several times.
        if (hits_.capacity() - hits_.size() < kBlockCodes)
            hits_.reserve(hits_.size() + std::max(std::ssize(hits_), std::min(kMaxReserved, codes_.n - first)));
        uint16_t distances[kBlockCodes];
        ops_.distances(codes_.code(first), kBlockCodes, codes_.n_bytes, query, distances);
        for (int64_t i = 0; i < kBlockCodes; ++i)
            if (distances[i] <= radius_) hits_.push_back({q, first + i, distances[i]});
    }

    void compare_whole(const uint8_t* query, int64_t q) {
        uint16_t distances[kTileCodes];
        const int64_t first = first_block_ * kBlockCodes;
        const int64_t count = std::min(kTileCodes, codes_.n - first);
        ops_.distances(codes_.code(first), count, codes_.n_bytes, query, distances);
        for (int64_t begin = 0; begin < count; begin += kBlockCodes) {
            const int64_t end = std::min<int64_t>(begin + kBlockCodes, count);
            bool is_any_near = false;  // of a whole block, without a branch
            for (int64_t i = begin; i < end; ++i) is_any_near |= distances[i] <= radius_;
            if (!is_any_near) continue;
            for (int64_t i = begin; i < end; ++i)
                if (distances[i] <= radius_) hits_.push_back({q, first + i, distances[i]});
        }
    }

    const uint8_t* planes() const { return codes_.planes + first_block_ * codes_.block_bytes(); }
    int filter_radius() const { return std::min(radius_, 255); }

    const Codes& codes_;
    const HammingOps& ops_;
    const int n_planes_;
    const int radius_;
    Hits& hits_;
    int64_t first_block_ = 0;
    int64_t n_blocks_ = 0;
};

int64_t n_tiles(const Codes& codes) { return (codes.n_blocks() + kTileBlocks - 1) / kTileBlocks; }

// Calls scan(scanner, tile) for every tile, and returns the hits of the scanners.
template <class Scan>
std::vector<Hits> scan_tiles(const Codes& codes, int radius, int n_planes, int threads, const Scan& scan) {
    std::vector<Hits> per_thread(threads);
    parallel_for(n_tiles(codes), 1, threads, [&](int thread, Ranges& ranges) {
        TileScanner scanner(codes, radius, n_planes, per_thread[thread]);
        ranges.for_each([&](int64_t tile) { scan(scanner, tile); });
    });
    return per_thread;
}

}  // namespace

std::vector<Hits> scan_search(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, int n_planes,
                              int threads) {
    return scan_tiles(codes, radius, n_planes, threads,
                      [&](TileScanner& scanner, int64_t tile) { scanner.scan(queries, 0, n_queries, tile); });
}

void scan_one(const Codes& codes, const uint8_t* query, int64_t number, int radius, int n_planes, Hits& hits) {
    const size_t first_hit = hits.size();
    TileScanner scanner(codes, radius, n_planes, hits);
    for (int64_t tile = 0; tile < n_tiles(codes); ++tile) scanner.scan(query, 0, 1, tile);
    for (size_t hit = first_hit; hit < hits.size(); ++hit) hits[hit].query = number;
}

std::vector<Hits> scan_join(const Codes& codes, int radius, int n_planes, int threads) {
    std::vector<Hits> per_thread =
        scan_tiles(codes, radius, n_planes, threads, [&](TileScanner& scanner, int64_t tile) {
            scanner.scan(codes.rows, 0, std::min(codes.n, (tile + 1) * kTileCodes), tile);
        });
    for (Hits& hits : per_thread) std::erase_if(hits, [](const Hit& hit) { return hit.query >= hit.id; });
    return per_thread;
}

void constant_time_scan(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, int threads,
                        uint8_t* bitmaps) {
    const HammingOps& ops = active_kernel().hamming;
    const int64_t row_bytes = (codes.n + 7) / 8;
    const auto scan_tile = [&](int64_t tile, int64_t q) {
        uint16_t distances[kTileCodes];
        const int64_t first = tile * kTileCodes, count = std::min(kTileCodes, codes.n - first);
        ops.distances(codes.code(first), count, codes.n_bytes, queries + q * codes.n_bytes, distances);
        uint8_t* bits = bitmaps + q * row_bytes + first / 8;
        for (int64_t byte = 0; byte < (count + 7) / 8; ++byte) {
            unsigned packed = 0;
            for (int64_t i = 8 * byte; i < 8 * byte + 8; ++i) {
                // The sign bit of distance - radius - 1, without a branch.
                const unsigned within =
                    i < count ? (unsigned{distances[i]} - static_cast<unsigned>(radius) - 1u) >> 31 : 0u;
                packed = packed << 1 | within;
            }
            bits[byte] = static_cast<uint8_t>(packed);
        }
    };
    parallel_for(n_tiles(codes), 1, threads, [&](int, Ranges& ranges) {
        ranges.for_each([&](int64_t tile) {
            for (int64_t q = 0; q < n_queries; ++q) scan_tile(tile, q);
        });
    });
}

}  // namespace hashmatch
