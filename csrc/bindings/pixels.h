// Checks of pixels passed from Python.
#pragma once

#include <string>
#include <utility>

#include "bindings/bindings.h"

namespace hashmatch {

constexpr int kMaxSide = 1 << 30;

// Returns `pixels`, copied unless they are aligned and the pixels of each row follow each other. Rows may
// lie apart, as those of a part of a picture do.
inline py::array with_whole_rows(py::array pixels) {
    constexpr int kPlain = int{py::array::c_style} | int{py::detail::npy_api::NPY_ARRAY_ALIGNED_};
    if ((pixels.flags() & kPlain) == kPlain) return pixels;
    py::ssize_t row_bytes = pixels.itemsize();
    bool is_whole = (pixels.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
    for (py::ssize_t axis = pixels.ndim() - 1; axis > 0; row_bytes *= pixels.shape(axis--))
        is_whole &= pixels.strides(axis) == row_bytes;
    is_whole &= pixels.strides(0) >= row_bytes && pixels.strides(0) % pixels.itemsize() == 0;
    return is_whole ? pixels : py::array(pixels.attr("copy")("C"));
}

// Throws ValueError unless `pixels` has shape (H, W), or (H, W, 3) for colours, and is not empty.
inline void check_picture(const py::array& pixels, bool has_colours) {
    const bool fits = has_colours ? pixels.ndim() == 3 && pixels.shape(2) == 3 : pixels.ndim() == 2;
    const char* expected = has_colours ? "uint8 (H, W, 3)" : "uint8 (H, W)";
    if (!fits || pixels.size() == 0 || pixels.shape(0) > kMaxSide || pixels.shape(1) > kMaxSide)
        throw py::value_error("pixels must be " + std::string(expected) +
                              " with at least one row and one column, not " +
                              std::string(py::str(pixels.attr("shape"))));
}

}  // namespace hashmatch
