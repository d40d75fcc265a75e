#include "bindings/bindings.h"

#include <cstring>

#include "bindings/pixels.h"
#include "hash/pdq.h"
#include "hash/phash_transform.h"
#include "hash/whash_transform.h"

namespace hashmatch {
namespace {

// A picture, and the array that keeps its pixels alive and in place.
struct OwnedPicture {
    py::array owner;
    Picture picture;
};

OwnedPicture read_picture(py::array pixels) {
    const bool is_bytes = py::isinstance<py::array_t<uint8_t>>(pixels);
    const bool is_floats = py::isinstance<py::array_t<float>>(pixels);
    const bool is_rgb = pixels.ndim() == 3 && pixels.shape(2) == 3;
    if (!(is_bytes && (pixels.ndim() == 2 || is_rgb)) && !(is_floats && pixels.ndim() == 2)) {
        throw py::value_error("pixels must be uint8 (H, W), uint8 (H, W, 3) or float32 (H, W), not " +
                              std::string(py::str(pixels.dtype())) + " " + std::string(py::str(pixels.attr("shape"))));
    }
    if (pixels.size() == 0) throw py::value_error("pixels must have at least one row and one column");
    if (pixels.shape(0) > kMaxSide || pixels.shape(1) > kMaxSide)
        throw py::value_error("pixels must have at most 2**30 rows and columns");
    pixels = with_whole_rows(std::move(pixels));
    const Layout layout = is_floats ? Layout::kLuma32 : is_rgb ? Layout::kRgb8 : Layout::kLuma8;
    const Picture picture = {layout, pixels.data(), static_cast<int>(pixels.shape(0)),
                             static_cast<int>(pixels.shape(1)),
                             static_cast<size_t>(pixels.strides(0) / pixels.itemsize())};
    return {std::move(pixels), picture};
}

PdqHashes compute_unlocked(const OwnedPicture& pixels, int orientations, int tolerance_bits, float gain) {
    if (!(gain >= 1.0f && gain <= 2.0f)) throw py::value_error("gain must be from 1 to 2");
    const py::gil_scoped_release unlocked;
    return compute_pdq(pixels.picture, orientations, tolerance_bits, gain);
}

py::tuple pdq_hash(const py::array& pixels, float gain) {
    const PdqHashes hashes = compute_unlocked(read_picture(pixels), 1, 0, gain);
    py::array_t<uint8_t> code(kCodeBytes);
    std::memcpy(code.mutable_data(), hashes.codes, kCodeBytes);
    return py::make_tuple(std::move(code), hashes.quality, hashes.stretched_quality);
}

py::tuple pdq_dihedral(const py::array& pixels, int tolerance_bits, float gain) {
    if (tolerance_bits < 0) throw py::value_error("tolerance_bits must be at least 0");
    const PdqHashes hashes = compute_unlocked(read_picture(pixels), kOrientations, tolerance_bits, gain);
    py::array_t<uint8_t> codes({kOrientations, kCodeBytes});
    std::memcpy(codes.mutable_data(), hashes.codes, sizeof hashes.codes);
    return py::make_tuple(std::move(codes), hashes.quality, hashes.stretched_quality);
}

// Returns the side of a square whose side is a power of two from `min_side` on, or throws ValueError.
int check_square(const Bytes& grey, int min_side) {
    check_picture(grey, false);
    const auto side = static_cast<int>(grey.shape(0));
    if (grey.shape(1) != side || side % min_side != 0 || (side & (side - 1)) != 0)
        throw py::value_error("grey must be a square with sides of a power of two, from " + std::to_string(min_side) +
                              " px on");
    return side;
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
    sum_blocks(from, side, to);
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

void register_hash(py::module_& core) {
    core.def("pdq_hash", &pdq_hash, py::arg("pixels"), py::arg("gain") = 1.0f);
    core.def("pdq_dihedral", &pdq_dihedral, py::arg("pixels"), py::arg("tolerance_bits") = 0, py::arg("gain") = 1.0f);
    core.def("phash_coefficients", &phash_coefficients, py::arg("grey"));
    core.def("whash_sums", &whash_sums, py::arg("grey"));
    core.def("whash_approximation", &whash_approximation, py::arg("grey"));
}

}  // namespace hashmatch
