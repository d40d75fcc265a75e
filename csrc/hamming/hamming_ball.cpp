#include "hamming/hamming_ball.h"

#include <bit>

namespace hashmatch {

HammingBall::HammingBall(int bits, int radius) : counts_{0} {
    flips_.push_back({0, 0});
    counts_.push_back(1);
    for (int flipped = 1; flipped <= radius; ++flipped) {
        if (flipped <= bits) {
            const uint32_t end = uint32_t{1} << bits;
            // The next larger number with as many ones (Gosper's hack). Low bits flip first, which keeps
            // neighbouring look-ups in one cache line.
            for (uint32_t mask = (uint32_t{1} << flipped) - 1; mask < end;) {
                flips_.push_back({mask, flipped});
                const uint32_t lowest = mask & (~mask + 1), ripple = mask + lowest;
                mask = ripple | ((mask ^ ripple) >> (2 + std::countr_zero(lowest)));
            }
        }
        counts_.push_back(flips_.size());
    }
}

}  // namespace hashmatch
