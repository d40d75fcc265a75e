#include "hash/grey.h"

#include "bindings/bindings.h"
#include "hash/lanczos.h"
#include "hash/phash_transform.h"
#include "hash/whash_transform.h"

namespace hashmatch {
namespace {

using Bytes = py::array_t<uint8_t, py::array::c_style>;

constexpr int kMaxSide = 1 << 30;

// Height and width of a picture, or ValueError.
void check_picture(const Bytes& pixels, bool has_colours) {
    const bool fits = has_colours ? pixels.ndim() == 3 && pixels.shape(2) == 3 : pixels.ndim() == 2;
    const char* expected = has_colours ? "uint8 (H, W, 3)" : "uint8 (H, W)";
    if (!fits || pixels.size() == 0 || pixels.shape(0) > kMaxSide || pixels.shape(1) > kMaxSide)
        throw py::value_error("pixels must be " + std::string(expected) +
                              " with at least one row and one column, not " +
                              std::string(py::str(pixels.attr("shape"))));
}

int check_square(const Bytes& grey, int multiple_of) {
    check_picture(grey, false);
    const auto side = static_cast<int>(grey.shape(0));
    if (grey.shape(1) != side || side % multiple_of != 0 || (side & (side - 1)) != 0)
        throw py::value_error("grey must be a square with sides of a power of two, from " +
                              std::to_string(multiple_of) + " px on");
    return side;
}

Bytes grey(const Bytes& rgb) {
    check_picture(rgb, true);
    Bytes made({rgb.shape(0), rgb.shape(1)});
    const uint8_t* from = rgb.data();
    uint8_t* to = made.mutable_data();
    const auto n = static_cast<size_t>(made.size());
    const py::gil_scoped_release unlocked;
    grey_of_rgb(from, n, to);
    return made;
}

Bytes resize(const Bytes& grey, int height, int width, bool tall_first) {
    check_picture(grey, false);
    if (height < 1 || width < 1 || height > kMaxSide || width > kMaxSide)
        throw py::value_error("height and width must be from 1 to 2**30");
    Bytes made({height, width});
    const uint8_t* from = grey.data();
    uint8_t* to = made.mutable_data();
    const auto in_height = static_cast<int>(grey.shape(0)), in_width = static_cast<int>(grey.shape(1));
    const py::gil_scoped_release unlocked;
    lanczos_resize(from, in_height, in_width, height, width, tall_first, to);
    return made;
}

py::array_t<double> phash_coefficients(const Bytes& grey) {
    if (check_square(grey, kPhashSide) != kPhashSide) throw py::value_error("grey must be 32 x 32 px");
    py::array_t<double> low({kPhashBand, kPhashBand});
    phash_transform(grey.data(), low.mutable_data());
    return low;
}

py::array_t<uint64_t> whash_sums(const Bytes& grey) {
    const int side = check_square(grey, kWhashSide);
    py::array_t<uint64_t> sums({kWhashSide, kWhashSide});
    const uint8_t* from = grey.data();
    uint64_t* to = sums.mutable_data();
    const py::gil_scoped_release unlocked;
    block_sums(from, side, to);
    return sums;
}

py::array_t<double> whash_approximation(const Bytes& grey) {
    const int side = check_square(grey, kWhashSide);
    py::array_t<double> low({kWhashSide, kWhashSide});
    const uint8_t* from = grey.data();
    double* to = low.mutable_data();
    const py::gil_scoped_release unlocked;
    whash_transform(from, side, to);
    return low;
}

}  // namespace

void register_grey(py::module_& core) {
    core.def("grey_of_rgb", &grey, py::arg("rgb"));
    core.def("lanczos_resize", &resize, py::arg("grey"), py::arg("height"), py::arg("width"), py::arg("tall_first"));
    core.def("phash_coefficients", &phash_coefficients, py::arg("grey"));
    core.def("whash_sums", &whash_sums, py::arg("grey"));
    core.def("whash_approximation", &whash_approximation, py::arg("grey"));
}

}  // namespace hashmatch
