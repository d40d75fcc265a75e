#include "bindings/bindings.h"
#include "hash/border_lines.h"

namespace hashmatch {
namespace {

using Bytes = py::array_t<uint8_t, py::array::c_style>;

enum Side { kTop, kBottom, kLeft, kRight };

py::tuple deviations(const Bytes& pixels, int top, int bottom, int left, int right, int side, int most_spread,
                     double most_deviation, int more_lines) {
    const bool has_colours = pixels.ndim() == 3;
    if ((pixels.ndim() != 2 && !has_colours) || (has_colours && pixels.shape(2) != 3))
        throw py::value_error("pixels must be uint8 (H, W) or (H, W, 3)");
    if (top < 0 || left < 0 || top >= bottom || left >= right || bottom > pixels.shape(0) || right > pixels.shape(1))
        throw py::value_error("the box does not lie in the picture");
    if (side < kTop || side > kRight) throw py::value_error("side must be from 0 to 3");
    if (more_lines < 1) throw py::value_error("more_lines must be at least 1");
    const ptrdiff_t pixel = has_colours ? 3 : 1, row = pixel * pixels.shape(1);
    const int height = bottom - top, width = right - left;
    const uint8_t* corner = pixels.data() + top * row + left * pixel;
    Lines lines{corner, row, pixel, height, width, has_colours};
    if (side == kBottom) lines = {corner + (height - 1) * row, -row, pixel, height, width, has_colours};
    if (side == kLeft) lines = {corner, pixel, row, width, height, has_colours};
    if (side == kRight) lines = {corner + (width - 1) * pixel, -pixel, row, width, height, has_colours};
    LineDeviations found;
    {
        const py::gil_scoped_release unlocked;
        found = line_deviations(lines, {most_spread, most_deviation, more_lines});
    }
    return py::make_tuple(found.spread, found.level, std::move(found.lines));
}

}  // namespace

void register_border(py::module_& core) {
    core.def("line_deviations", &deviations, py::arg("pixels"), py::arg("top"), py::arg("bottom"), py::arg("left"),
             py::arg("right"), py::arg("side"), py::arg("most_spread"), py::arg("most_deviation"),
             py::arg("more_lines"));
}

}  // namespace hashmatch
