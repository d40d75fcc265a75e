// Checks of pixels passed from Python.
#pragma once

#include <string>

#include "bindings/bindings.h"

namespace hashmatch {

constexpr int kMaxSide = 1 << 30;

// Throws ValueError unless `pixels` has shape (H, W), or (H, W, 3) for colours, and is not empty.
inline void check_picture(const Bytes& pixels, bool has_colours) {
    const bool fits = has_colours ? pixels.ndim() == 3 && pixels.shape(2) == 3 : pixels.ndim() == 2;
    const char* expected = has_colours ? "uint8 (H, W, 3)" : "uint8 (H, W)";
    if (!fits || pixels.size() == 0 || pixels.shape(0) > kMaxSide || pixels.shape(1) > kMaxSide)
        throw py::value_error("pixels must be " + std::string(expected) +
                              " with at least one row and one column, not " +
                              std::string(py::str(pixels.attr("shape"))));
}

}  // namespace hashmatch
