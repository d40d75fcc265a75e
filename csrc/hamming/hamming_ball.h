// Hamming ball: the keys within some bits of a key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hashmatch {

// Largest threshold of a substring; beyond it the number of keys to look up explodes.
constexpr int kMaxThreshold = 5;

// The masks to XOR a key with, fewest flipped bits first.
class HammingBall {
  public:
    // All masks of at most `radius` of `bits` bits.
    HammingBall(int bits, int radius);

    struct Flip {
        uint32_t mask;
        int bits;
    };

    const Flip* begin() const { return flips_.data(); }
    // One past the last mask of at most `threshold` bits; begin() for a threshold of -1.
    const Flip* end(int threshold) const { return flips_.data() + counts_[threshold + 1]; }
    // Number of masks of at most `threshold` bits.
    size_t count(int threshold) const { return counts_[threshold + 1]; }

  private:
    std::vector<Flip> flips_;
    std::vector<size_t> counts_;  // by threshold + 1
};

}  // namespace hashmatch
