#include "hamming/scan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "hamming/threads.h"
#include "kernels/dispatch.h"

namespace hashmatch {
namespace {

// A tile's filtered planes stay in the first-level cache while every query passes over it.
constexpr int64_t kTileBlocks = 32;
constexpr int64_t kTileCodes = kTileBlocks * kBlockCodes;
// Cost of checking one code that passed the filter, and of comparing one whole code without a filter, with
// each of its bytes, in the time the filter takes for one byte of one code.
constexpr double kVerifyCost = 600;
constexpr double kWholeCost = 60, kWholeByteCost = 4;

// Probability that `bits` fair bits hold at most `radius` ones.
double chance_within(int bits, int radius) {
    double term = std::pow(0.5, bits), sum = 0;
    for (int ones = 0; ones <= std::min(radius, bits); ++ones) {
        sum += term;
        term *= static_cast<double>(bits - ones) / (ones + 1);
    }
    return sum;
}

// Searches one tile at a time and collects what it finds.
class TileScanner {
  public:
    TileScanner(const Codes& codes, int radius, const ScanPlan& plan, Hits& hits)
        : codes_(codes), kernel_(*active_kernel().hamming), plan_(plan), radius_(radius), hits_(hits) {}

    // Compares queries [first_query, last_query) with the codes of one tile.
    void scan(const uint8_t* queries, int64_t first_query, int64_t last_query, int64_t tile) {
        first_block_ = tile * kTileBlocks;
        n_blocks_ = std::min(kTileBlocks, codes_.n_blocks() - first_block_);
        for (int64_t q = first_query; q < last_query;) {
            const int64_t left = last_query - q;
            const uint8_t* query = queries + q * codes_.n_bytes;
            if (plan_.n_planes == 0) {
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
        kernel_.filter1(planes(), codes_.block_bytes(), static_cast<size_t>(n_blocks_), plan_.n_planes, query,
                        filter_radius(), masks);
        for (int64_t block = 0; block < n_blocks_; ++block)
            if (masks[block]) verify(query, q, block, masks[block]);
    }

    void filter_four(const uint8_t* query, int64_t q) {
        const uint8_t* four[kFilterQueries];
        for (int i = 0; i < kFilterQueries; ++i) four[i] = query + i * codes_.n_bytes;
        uint64_t masks[kTileBlocks * kFilterQueries];
        kernel_.filter4(planes(), codes_.block_bytes(), static_cast<size_t>(n_blocks_), plan_.n_planes, four,
                        filter_radius(), masks);
        for (int64_t block = 0; block < n_blocks_; ++block)
            for (int i = 0; i < kFilterQueries; ++i)
                if (const uint64_t mask = masks[block * kFilterQueries + i]) verify(four[i], q + i, block, mask);
    }

    void verify(const uint8_t* query, int64_t q, int64_t block, uint64_t mask) {
        for (; mask; mask &= mask - 1) {
            const int64_t row = (first_block_ + block) * kBlockCodes + __builtin_ctzll(mask);
            if (row >= codes_.n) return;  // the zeros that fill the last block
            uint16_t distance;
            kernel_.distances(codes_.code(row), 1, codes_.n_bytes, query, &distance);
            if (distance <= radius_) hits_.push_back({q, row, distance});
        }
    }

    void compare_whole(const uint8_t* query, int64_t q) {
        uint16_t distances[kTileCodes];
        const int64_t first = first_block_ * kBlockCodes;
        const int64_t count = std::min(kTileCodes, codes_.n - first);
        kernel_.distances(codes_.code(first), static_cast<size_t>(count), codes_.n_bytes, query, distances);
        for (int64_t begin = 0; begin < count; begin += kBlockCodes) {
            const int64_t end = std::min<int64_t>(begin + kBlockCodes, count);
            bool is_any_near = false;  // asked of a block at once, without a branch
            for (int64_t i = begin; i < end; ++i) is_any_near |= distances[i] <= radius_;
            if (!is_any_near) continue;
            for (int64_t i = begin; i < end; ++i)
                if (distances[i] <= radius_) hits_.push_back({q, first + i, distances[i]});
        }
    }

    const uint8_t* planes() const { return codes_.planes + static_cast<size_t>(first_block_) * codes_.block_bytes(); }
    int filter_radius() const { return std::min(radius_, 255); }

    const Codes& codes_;
    const HammingKernels& kernel_;
    const ScanPlan plan_;
    const int radius_;
    Hits& hits_;
    int64_t first_block_ = 0;
    int64_t n_blocks_ = 0;
};

int64_t n_tiles(const Codes& codes) { return (codes.n_blocks() + kTileBlocks - 1) / kTileBlocks; }

// Gives tiles to threads as they ask for them; task(scanner, tile) does the work of one.
template <class Task>
std::vector<Hits> scan_tiles(const Codes& codes, int radius, const ScanPlan& plan, int threads, const Task& task) {
    const int64_t tiles = n_tiles(codes);
    const int n_threads = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(threads, tiles)));
    std::vector<Hits> parts(static_cast<size_t>(n_threads));
    std::atomic<int64_t> next{0};
    run_threads(n_threads, [&](int thread) {
        TileScanner scanner(codes, radius, plan, parts[static_cast<size_t>(thread)]);
        for (int64_t tile; (tile = next.fetch_add(1)) < tiles;) task(scanner, tile);
    });
    return parts;
}

}  // namespace

ScanPlan plan_scan(const Codes& codes, int radius) {
    ScanPlan best{0, kWholeCost + kWholeByteCost * codes.n_bytes};
    for (int n_planes = 1; n_planes <= codes.n_planes; ++n_planes) {
        const double cost = n_planes + kVerifyCost * chance_within(8 * n_planes, radius);
        if (cost < best.weight) best = {n_planes, cost};
    }
    return best;
}

std::vector<Hits> scan_search(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius,
                              const ScanPlan& plan, int threads) {
    return scan_tiles(codes, radius, plan, threads,
                      [&](TileScanner& scanner, int64_t tile) { scanner.scan(queries, 0, n_queries, tile); });
}

void scan_one(const Codes& codes, const uint8_t* query, int64_t number, int radius, const ScanPlan& plan, Hits& hits) {
    const size_t first_hit = hits.size();
    TileScanner scanner(codes, radius, plan, hits);
    for (int64_t tile = 0; tile < n_tiles(codes); ++tile) scanner.scan(query, 0, 1, tile);
    for (size_t hit = first_hit; hit < hits.size(); ++hit) hits[hit].query = number;
}

std::vector<Hits> scan_join(const Codes& codes, int radius, const ScanPlan& plan, int threads) {
    std::vector<Hits> parts = scan_tiles(codes, radius, plan, threads, [&](TileScanner& scanner, int64_t tile) {
        scanner.scan(codes.rows, 0, std::min(codes.n, (tile + 1) * kTileCodes), tile);
    });
    for (Hits& part : parts)
        part.erase(std::remove_if(part.begin(), part.end(), [](const Hit& hit) { return hit.query >= hit.id; }),
                   part.end());
    return parts;
}

void constant_time_scan(const Codes& codes, const uint8_t* queries, int64_t n_queries, int radius, int threads,
                        uint8_t* bitmaps) {
    const HammingKernels& kernel = *active_kernel().hamming;
    const int64_t row_bytes = (codes.n + 7) / 8;
    const int64_t tiles = n_tiles(codes);
    const int n_threads = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(threads, tiles)));
    std::atomic<int64_t> next{0};
    run_threads(n_threads, [&](int) {
        uint16_t distances[kTileCodes];
        for (int64_t tile; (tile = next.fetch_add(1)) < tiles;) {
            const int64_t first = tile * kTileCodes, count = std::min(kTileCodes, codes.n - first);
            for (int64_t q = 0; q < n_queries; ++q) {
                kernel.distances(codes.code(first), static_cast<size_t>(count), codes.n_bytes,
                                 queries + q * codes.n_bytes, distances);
                uint8_t* bits = bitmaps + q * row_bytes + first / 8;
                for (int64_t byte = 0; byte < (count + 7) / 8; ++byte) {
                    unsigned packed = 0;
                    for (int64_t i = 8 * byte; i < 8 * byte + 8; ++i) {
                        // The sign bit of distance - radius - 1, taken without a branch.
                        const unsigned within =
                            i < count ? (static_cast<unsigned>(distances[i]) - static_cast<unsigned>(radius) - 1u) >> 31
                                      : 0u;
                        packed = packed << 1 | within;
                    }
                    bits[byte] = static_cast<uint8_t>(packed);
                }
            }
        }
    });
}

}  // namespace hashmatch
