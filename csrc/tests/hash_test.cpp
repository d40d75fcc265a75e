// The transforms of pHash and the wavelet hash against naive implementations, after every kernel that this CPU
// runs (neither uses one today). Prints the amount of work; exits non-zero at the first difference. Built and
// run by csrc/tests/run.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "hash/phash_transform.h"
#include "hash/whash_transform.h"
#include "kernels/dispatch.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

using Square = std::vector<double>;  // row by row

// The lowest 8 x 8 coefficients of the DCT-II of 32 x 32, by its definition, as scipy.fftpack.dct scales it.
void check_phash(long long round) {
    const Bytes grey(kPhashSide * kPhashSide);
    double low[kPhashBand * kPhashBand];
    phash_transform(grey.data(), low);
    for (int v = 0; v < kPhashBand; ++v)
        for (int u = 0; u < kPhashBand; ++u) {
            long double sum = 0;
            for (int y = 0; y < kPhashSide; ++y)
                for (int x = 0; x < kPhashSide; ++x)
                    sum += 4 * grey.data()[y * kPhashSide + x] * std::cos(M_PIl * v * (2 * y + 1) / 64) *
                           std::cos(M_PIl * u * (2 * x + 1) / 64);
            check(std::abs(low[v * kPhashBand + u] - static_cast<double>(sum)) < 1e-8, active_kernel().name, "pHash",
                  round);
        }
}

// FNV-1a of the coefficients of a picture.
uint64_t digest_phash(const std::vector<uint8_t>& grey) {
    double low[kPhashBand * kPhashBand];
    phash_transform(grey.data(), low);
    uint64_t digest = 0xcbf29ce484222325u;
    uint8_t bytes[sizeof low];
    std::memcpy(bytes, low, sizeof low);
    for (const uint8_t byte : bytes) digest = (digest ^ byte) * 0x100000001b3u;
    return digest;
}

// To the last bit: digests of what SciPy 1.17 on x86-64 computes for three pictures, by
//     low = dct(dct(grey, axis=0), axis=1)[:8, :8] + 0.0
//     for byte in low.tobytes(): digest = (digest ^ byte) * 0x100000001B3 % 2**64
// (tests/hashing/test_transforms.py compares with the SciPy that is installed.)
void check_phash_bits() {
    std::vector<uint8_t> mixed, symmetric, ramp;
    for (int y = 0; y < kPhashSide; ++y)
        for (int x = 0; x < kPhashSide; ++x) {
            mixed.push_back(static_cast<uint8_t>(x * x * 7 + y * 13 + x * y));
            symmetric.push_back(static_cast<uint8_t>(std::min(x, 31 - x) * std::min(y, 31 - y)));
            ramp.push_back(static_cast<uint8_t>(4 * x + 3 * y));
        }
    const char* kernel = active_kernel().name;
    check(digest_phash(mixed) == 0xc7557df4916dab9bu, kernel, "the bits of pHash, mixed", 0);
    check(digest_phash(symmetric) == 0xa0ac9a98205675du, kernel, "the bits of pHash, symmetric", 0);
    check(digest_phash(ramp) == 0xc43a985611221de5u, kernel, "the bits of pHash, ramp", 0);
}

// One level of the two-dimensional Haar transform as PyWavelets computes it, of the whole picture: along columns
// first, then along rows, each pair as haar * second +- haar * first.
constexpr double kHaar = 0.70710678118654752440;

struct HaarLevel {
    Square approximation, horizontal, vertical, diagonal;
};

HaarLevel transform(const Square& values, int side) {
    const int half = side / 2;
    Square low(half * side), high(half * side);
    for (int y = 0; y < half; ++y)
        for (int x = 0; x < side; ++x) {
            const double first = values[2 * y * side + x], second = values[(2 * y + 1) * side + x];
            low[y * side + x] = kHaar * second + kHaar * first;
            high[y * side + x] = -kHaar * second + kHaar * first;
        }
    HaarLevel level;
    for (const auto& [from, sums, differences] : {std::tuple(&low, &level.approximation, &level.horizontal),
                                                  std::tuple(&high, &level.vertical, &level.diagonal)})
        for (int i = 0; i < half * half; ++i) {
            const double first = (*from)[2 * i], second = (*from)[2 * i + 1];
            sums->push_back(kHaar * second + kHaar * first);
            differences->push_back(-kHaar * second + kHaar * first);
        }
    return level;
}

Square invert(const HaarLevel& level, int half) {
    const int side = 2 * half;
    Square low(half * side), high(half * side), values(side * side);
    for (int i = 0; i < half * half; ++i) {
        low[2 * i] = kHaar * level.approximation[i] + kHaar * level.horizontal[i];
        low[2 * i + 1] = kHaar * level.approximation[i] + -kHaar * level.horizontal[i];
        high[2 * i] = kHaar * level.vertical[i] + kHaar * level.diagonal[i];
        high[2 * i + 1] = kHaar * level.vertical[i] + -kHaar * level.diagonal[i];
    }
    for (int y = 0; y < half; ++y)
        for (int x = 0; x < side; ++x) {
            values[2 * y * side + x] = kHaar * low[y * side + x] + kHaar * high[y * side + x];
            values[(2 * y + 1) * side + x] = kHaar * low[y * side + x] + -kHaar * high[y * side + x];
        }
    return values;
}

// imagehash.whash up to the comparison with the median: down to one value, which is set to 0, back up, and down
// to 8 x 8.
Square naive_whash(const uint8_t* grey, int side) {
    Square values(side * side);
    for (int i = 0; i < side * side; ++i) values[i] = grey[i] / 255.0;
    std::vector<HaarLevel> levels;
    for (int at = side; at > 1; at /= 2) {
        levels.push_back(transform(values, at));
        values = levels.back().approximation;
    }
    levels.back().approximation[0] *= 0;
    for (int half = 1; half < side; half *= 2) {
        values = invert(levels.back(), half);
        levels.pop_back();
        if (!levels.empty()) levels.back().approximation = values;
    }
    for (int at = side; at > kWhashSide; at /= 2) values = transform(values, at).approximation;
    return values;
}

// Returns the number of pixels transformed.
long long check_whash(long long round) {
    const int side = choose({8, 16, 32, 64, 128}), block = side / kWhashSide;
    const Bytes grey(side * side);
    uint64_t sums[kWhashSide * kWhashSide];
    sum_blocks(grey.data(), side, sums);
    for (int i = 0; i < kWhashSide * kWhashSide; ++i) {
        uint64_t sum = 0;
        for (int y = 0; y < block; ++y)
            for (int x = 0; x < block; ++x)
                sum += grey.data()[(i / kWhashSide * block + y) * side + i % kWhashSide * block + x];
        check(sums[i] == sum, active_kernel().name, "the block sums of whash", round);
    }
    Square low(kWhashSide * kWhashSide);
    whash_transform(grey.data(), side, low.data());
    const Square expected = naive_whash(grey.data(), side);
    check(std::memcmp(low.data(), expected.data(), low.size() * sizeof(double)) == 0, active_kernel().name, "whash",
          round);
    return side * side;
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 50;
    for (const std::string& kernel : runnable_kernels()) {
        select_kernel(kernel);
        check_phash_bits();
        long long transformed = 0;
        for (long long round = 0; round < rounds; ++round) {
            check_phash(round);
            transformed += check_whash(round);
        }
        std::printf("%s: %lld pixels transformed: all right\n", kernel.c_str(), transformed);
        if (transformed == 0) return 1;  // the test compared nothing
    }
    return 0;
}
