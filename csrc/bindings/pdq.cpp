#include "bindings/bindings.h"

#include <algorithm>
#include <cstring>

#include "hash/pdq.h"

namespace hashmatch {
namespace {

// Pixels that stay alive and in place while native code reads them.
struct HeldPicture {
    py::array owner;
    Picture picture;
};

HeldPicture hold(py::array pixels) {
    const bool is_bytes = py::isinstance<py::array_t<uint8_t>>(pixels);
    const bool is_floats = py::isinstance<py::array_t<float>>(pixels);
    const bool is_rgb = pixels.ndim() == 3 && pixels.shape(2) == 3;
    if (!(is_bytes && (pixels.ndim() == 2 || is_rgb)) && !(is_floats && pixels.ndim() == 2)) {
        throw py::value_error("pixels must be uint8 (H, W), uint8 (H, W, 3) or float32 (H, W), not " +
                              std::string(py::str(pixels.dtype())) + " " + std::string(py::str(pixels.attr("shape"))));
    }
    if (pixels.size() == 0) throw py::value_error("pixels must have at least one row and one column");
    constexpr py::ssize_t kMaxSide = py::ssize_t{1} << 30;
    if (pixels.shape(0) > kMaxSide || pixels.shape(1) > kMaxSide)
        throw py::value_error("pixels must have at most 2**30 rows and columns");
    constexpr int kPlain = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    if ((pixels.flags() & kPlain) != kPlain) pixels = py::array(pixels.attr("copy")("C"));
    const Layout layout = is_floats ? Layout::kLuma32 : is_rgb ? Layout::kRgb8 : Layout::kLuma8;
    const Picture picture = {layout, pixels.data(), static_cast<int>(pixels.shape(0)),
                             static_cast<int>(pixels.shape(1))};
    return {std::move(pixels), picture};
}

PdqHashes compute(const HeldPicture& held, int orientations, int tolerance_bits, float gain = 1.0f) {
    const py::gil_scoped_release unlocked;
    return pdq_hashes(held.picture, orientations, tolerance_bits, gain);
}

void check_gain(float gain) {
    if (!(gain >= 1.0f && gain <= 2.0f)) throw py::value_error("gain must be from 1 to 2");
}

py::tuple pdq_hash(const py::array& pixels, float gain) {
    check_gain(gain);
    const PdqHashes hashes = compute(hold(pixels), 1, 0, gain);
    py::array_t<uint8_t> code(kCodeBytes);
    std::memcpy(code.mutable_data(), hashes.codes, kCodeBytes);
    return py::make_tuple(std::move(code), hashes.quality);
}

py::tuple pdq_dihedral(const py::array& pixels, int tolerance_bits, float gain) {
    if (tolerance_bits < 0) throw py::value_error("tolerance_bits must be at least 0");
    check_gain(gain);
    const PdqHashes hashes = compute(hold(pixels), kOrientations, tolerance_bits, gain);
    py::array_t<uint8_t> codes({kOrientations, kCodeBytes});
    std::memcpy(codes.mutable_data(), hashes.codes, sizeof hashes.codes);
    return py::make_tuple(std::move(codes), hashes.quality);
}

py::array_t<float> to_square(const std::vector<float>& values, int side) {
    py::array_t<float> square({side, side});
    std::copy(values.begin(), values.end(), square.mutable_data());
    return square;
}

py::dict pdq_evidence_dict(const py::array& pixels, int orientations) {
    const HeldPicture held = hold(pixels);
    const PdqEvidence found = pdq_evidence(held.picture, orientations);
    py::dict evidence;
    evidence["fast_is_certain"] = found.fast_is_certain;
    evidence["grid"] = to_square(found.grid, kGridSide);
    evidence["reference_grid"] = to_square(found.reference_grid, kGridSide);
    evidence["coefficients"] = to_square(found.coefficients, kBandSide);
    evidence["reference_coefficients"] = to_square(found.reference_coefficients, kBandSide);
    evidence["errors"] = to_square(found.errors, kBandSide);
    evidence["gradient_slack"] = found.gradient_slack;
    return evidence;
}

}  // namespace

void register_pdq(py::module_& core) {
    core.def("pdq_hash", &pdq_hash, py::arg("pixels"), py::arg("gain") = 1.0f);
    core.def("pdq_dihedral", &pdq_dihedral, py::arg("pixels"), py::arg("tolerance_bits") = 0, py::arg("gain") = 1.0f);
    core.def("pdq_evidence", &pdq_evidence_dict, py::arg("pixels"), py::arg("orientations"));
}

}  // namespace hashmatch
