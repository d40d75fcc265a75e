#include "hash/whash_transform.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace hashmatch {
namespace {

constexpr double kHaar = 0.70710678118654752440;

// Two by two values in the next coarser level: an approximation and three details.
struct Quad {
    double low, along_rows, along_columns, both;
};

double sum_of(double first, double second) { return kHaar * second + kHaar * first; }
double difference_of(double first, double second) { return -kHaar * second + kHaar * first; }

Quad split(double a, double b, double c, double d) {  // a b above c d
    const double left = sum_of(a, c), right = sum_of(b, d);
    const double left_detail = difference_of(a, c), right_detail = difference_of(b, d);
    return {sum_of(left, right), difference_of(left, right), sum_of(left_detail, right_detail),
            difference_of(left_detail, right_detail)};
}

// A square of values, row by row.
struct Level {
    int side;
    std::vector<double> values;

    explicit Level(int side_) : side(side_), values(static_cast<size_t>(side_) * side_) {}
    double& at(int y, int x) { return values[static_cast<size_t>(y) * side + x]; }
    double at(int y, int x) const { return values[static_cast<size_t>(y) * side + x]; }
    Quad quad(int y, int x) const {
        return split(at(2 * y, 2 * x), at(2 * y, 2 * x + 1), at(2 * y + 1, 2 * x), at(2 * y + 1, 2 * x + 1));
    }
};

Level halve(const Level& fine) {
    Level coarse(fine.side / 2);
    for (int y = 0; y < coarse.side; ++y)
        for (int x = 0; x < coarse.side; ++x) coarse.at(y, x) = fine.quad(y, x).low;
    return coarse;
}

// Recomputes `fine` from a changed approximation and its own details.
void rebuild(const Level& low, Level& fine) {
    for (int y = 0; y < low.side; ++y) {
        for (int x = 0; x < low.side; ++x) {
            const Quad quad = fine.quad(y, x);
            const double approximation = low.at(y, x);
            const double left = kHaar * approximation + kHaar * quad.along_rows;
            const double right = kHaar * approximation + -kHaar * quad.along_rows;
            const double left_detail = kHaar * quad.along_columns + kHaar * quad.both;
            const double right_detail = kHaar * quad.along_columns + -kHaar * quad.both;
            fine.at(2 * y, 2 * x) = kHaar * left + kHaar * left_detail;
            fine.at(2 * y + 1, 2 * x) = kHaar * left + -kHaar * left_detail;
            fine.at(2 * y, 2 * x + 1) = kHaar * right + kHaar * right_detail;
            fine.at(2 * y + 1, 2 * x + 1) = kHaar * right + -kHaar * right_detail;
        }
    }
}

// Returns `finest` and its coarser levels down to a square of `side`, coarsest last.
std::vector<Level> build_pyramid(Level finest, int side) {
    std::vector<Level> levels;
    levels.push_back(std::move(finest));
    while (levels.back().side > side) levels.push_back(halve(levels.back()));
    return levels;
}

Level read_block(const uint8_t* grey, int side, int block_y, int block_x) {
    Level block(side / kWhashSide);
    for (int y = 0; y < block.side; ++y) {
        const uint8_t* row = grey + static_cast<size_t>(block_y * block.side + y) * side + block_x * block.side;
        for (int x = 0; x < block.side; ++x) block.at(y, x) = row[x] / 255.0;
    }
    return block;
}

}  // namespace

void sum_blocks(const uint8_t* grey, int side, uint64_t* sums) {
    const int block = side / kWhashSide;
    std::fill(sums, sums + kWhashSide * kWhashSide, uint64_t{0});
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < kWhashSide; ++x, grey += block) {
            uint32_t sum = 0;
            for (int i = 0; i < block; ++i) sum += grey[i];
            sums[y / block * kWhashSide + x] += sum;
        }
    }
}

// Except for the three coarsest levels, every value depends on its own block only, so blocks are
// transformed one at a time, and only one is held in doubles.
void whash_transform(const uint8_t* grey, int side, double* low) {
    Level top(kWhashSide);
    for (int y = 0; y < kWhashSide; ++y)
        for (int x = 0; x < kWhashSide; ++x)
            top.at(y, x) = build_pyramid(read_block(grey, side, y, x), 1).back().values[0];
    std::vector<Level> levels = build_pyramid(std::move(top), 1);
    levels.back().values[0] *= 0;
    for (size_t i = levels.size() - 1; i > 0; --i) rebuild(levels[i], levels[i - 1]);
    for (int y = 0; y < kWhashSide; ++y) {
        for (int x = 0; x < kWhashSide; ++x) {
            std::vector<Level> block = build_pyramid(read_block(grey, side, y, x), 1);
            block.back().values[0] = levels.front().at(y, x);
            for (size_t i = block.size() - 1; i > 0; --i) rebuild(block[i], block[i - 1]);
            low[y * kWhashSide + x] = build_pyramid(std::move(block.front()), 1).back().values[0];
        }
    }
}

}  // namespace hashmatch
