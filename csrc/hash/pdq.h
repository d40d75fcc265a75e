// PDQ of a picture, equal to the reference's to the last bit.
#pragma once

#include <cstdint>
#include <vector>

#include "hash/pdq_geometry.h"
#include "hash/picture.h"

namespace hashmatch {

// Orientations in the order that pdqhash.compute_dihedral gives them: as stored, turned by 90 (all
// turns counter-clockwise), 180, 270 degrees, top and bottom swapped, left and right swapped,
// transposed, anti-transposed.
constexpr int kOrientations = 8;
// Largest magnitude of float luma, so that no sum overflows.
constexpr float kMaxLuma = 65535.0f;

struct PdqHashes {
    uint8_t codes[kOrientations][kCodeBytes];
    int quality;
};

// Computes the first (orientations = 1) or all eight (8) hashes of a picture of at least 1 x 1 px. A
// side under 5 px: all zero. Fast where rounding cannot change the outcome, else by way of
// reference_grid(). Thread-safe. Throws std::invalid_argument where float luma is not finite or
// beyond +-kMaxLuma.
//
// With `tolerance_bits` the slow way is taken only where rounding could change more bits of a code than
// that; the quality may then be off by a little. Still a function of the pixels alone.
//
// As in pdqhash, a single hash of 64 x 64 px takes the pixels as they are, while the eight of such a
// picture are filtered first, which changes nothing but the rounding.
//
// The quality is that of the picture with all differences of luma `gain` times as large; codes do not
// depend on it.
PdqHashes pdq_hashes(const Picture& picture, int orientations, int tolerance_bits = 0, float gain = 1.0f);

// What a test of the error bound needs; throws std::invalid_argument where there is no fast way.
struct PdqEvidence {
    bool fast_is_certain;                     // pdq_hashes() needs no reference_grid() for this picture
    std::vector<float> grid, reference_grid;  // 64 x 64
    std::vector<float> coefficients, reference_coefficients, errors;  // 16 x 16
    float gradient_slack;
};
PdqEvidence pdq_evidence(const Picture& picture, int orientations);

}  // namespace hashmatch
