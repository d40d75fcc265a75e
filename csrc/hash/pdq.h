// PDQ hashes of a picture, equal to the reference's to the last bit.
#pragma once

#include <cstdint>

#include "hash/pdq_geometry.h"
#include "image/picture.h"

namespace hashmatch {

// Orientations, in the order of pdqhash.compute_dihedral: as stored; rotated counter-clockwise by 90,
// 180, 270 degrees; top and bottom swapped; left and right swapped; transposed; anti-transposed.
constexpr int kOrientations = 8;
// Largest magnitude of float luma, so that no sum overflows.
constexpr float kMaxLuma = 65535.0f;

struct PdqHashes {
    uint8_t codes[kOrientations][kCodeBytes];
    int quality;
    int stretched_quality;  // that of the picture with its contrast stretched, if it is faint
};

// Computes the first (orientations = 1) or all eight (8) hashes of a picture of at least 1 x 1 px. If a
// side is under 5 px, all of them are zero. Fast if rounding cannot change the result, otherwise by
// compute_reference_grid(). Thread-safe. Throws std::invalid_argument if float luma is not finite or beyond
// +-kMaxLuma.
//
// With `tolerance_bits`, the slow path is taken only if rounding could change more than that many bits
// of a code; the quality may then be slightly off. The result is still a function of the pixels alone.
//
// As in pdqhash, a single hash of 64 x 64 px uses the pixels unfiltered, while the eight hashes of such
// a picture are filtered first, which changes nothing but the rounding.
//
// Both qualities are computed with all differences of luma multiplied by `gain`; codes do not depend on it, nor
// on a stretch of the contrast (pdq_contrast.h).
PdqHashes compute_pdq(const Picture& picture, int orientations, int tolerance_bits = 0, float gain = 1.0f);

}  // namespace hashmatch
