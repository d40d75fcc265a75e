// The keys near a key: what to XOR it with, fewest flipped bits first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hashmatch {

// Largest threshold a part is probed with; beyond it the number of keys to visit explodes.
constexpr int kMaxThreshold = 5;

class Flips {
  public:
    // All masks of at most `most` of `bits` bits.
    Flips(int bits, int most);

    struct Flip {
        uint32_t mask;
        int bits;
    };

    const Flip* begin() const { return flips_.data(); }
    // One past the last mask of at most `threshold` bits; begin() for -1.
    const Flip* end(int threshold) const { return flips_.data() + counts_[static_cast<size_t>(threshold + 1)]; }
    size_t count(int threshold) const { return counts_[static_cast<size_t>(threshold + 1)]; }

  private:
    std::vector<Flip> flips_;
    std::vector<size_t> counts_;  // by threshold + 1
};

}  // namespace hashmatch
