#include "bindings/bindings.h"
#include "bindings/pixels.h"
#include "image/border_edges.h"
#include "image/border_lines.h"
#include "image/grey.h"
#include "image/lanczos.h"

namespace hashmatch {
namespace {

Bytes convert_to_grey(const py::array_t<uint8_t, 0>& pixels) {
    check_picture(pixels, true);
    const py::array rgb = with_whole_rows(pixels);
    Bytes grey({rgb.shape(0), rgb.shape(1)});
    const auto* from = static_cast<const uint8_t*>(rgb.data());
    uint8_t* to = grey.mutable_data();
    const py::ssize_t height = rgb.shape(0), width = rgb.shape(1), step = rgb.strides(0);
    const py::gil_scoped_release unlocked;
    if (step == 3 * width) {
        grey_of_rgb(from, height * width, to);
    } else {
        for (py::ssize_t row = 0; row < height; ++row) grey_of_rgb(from + row * step, width, to + row * width);
    }
    return grey;
}

Bytes resize(const Bytes& grey, int height, int width, bool tall_first) {
    check_picture(grey, false);
    if (height < 1 || width < 1 || height > kMaxSide || width > kMaxSide)
        throw py::value_error("height and width must be from 1 to 2**30");
    Bytes resized({height, width});
    const uint8_t* from = grey.data();
    uint8_t* to = resized.mutable_data();
    const auto in_height = static_cast<int>(grey.shape(0)), in_width = static_cast<int>(grey.shape(1));
    const py::gil_scoped_release unlocked;
    lanczos_resize(from, in_height, in_width, height, width, tall_first, to);
    return resized;
}

enum Side { kTop, kBottom, kLeft, kRight };

// Returns the lines of part of a picture from one of its sides inwards.
Lines lines_from(const Bytes& pixels, int top, int bottom, int left, int right, int side) {
    const bool has_colours = pixels.ndim() == 3;
    if ((pixels.ndim() != 2 && !has_colours) || (has_colours && pixels.shape(2) != 3))
        throw py::value_error("pixels must be uint8 (H, W) or (H, W, 3)");
    if (top < 0 || left < 0 || top >= bottom || left >= right || bottom > pixels.shape(0) || right > pixels.shape(1))
        throw py::value_error("the box does not lie in the picture");
    if (side < kTop || side > kRight) throw py::value_error("side must be from 0 to 3");
    const ptrdiff_t pixel = has_colours ? 3 : 1, row = pixel * pixels.shape(1);
    const int height = bottom - top, width = right - left;
    const uint8_t* corner = pixels.data() + top * row + left * pixel;
    if (side == kBottom) return {corner + (height - 1) * row, -row, pixel, height, width, has_colours};
    if (side == kLeft) return {corner, pixel, row, width, height, has_colours};
    if (side == kRight) return {corner + (width - 1) * pixel, -pixel, row, width, height, has_colours};
    return {corner, row, pixel, height, width, has_colours};
}

py::tuple measure_border(const Bytes& pixels, int top, int bottom, int left, int right, int side, int most_spread,
                         double most_deviation, int more_lines) {
    const Lines lines = lines_from(pixels, top, bottom, left, right, side);
    if (more_lines < 1) throw py::value_error("more_lines must be at least 1");
    LineDeviations deviations;
    {
        const py::gil_scoped_release unlocked;
        deviations = measure_lines(lines, {most_spread, most_deviation, more_lines});
    }
    return py::make_tuple(deviations.spread, deviations.level, std::move(deviations.lines));
}

py::tuple find_edge(const Bytes& pixels, int top, int bottom, int left, int right, int side) {
    const Lines lines = lines_from(pixels, top, bottom, left, right, side);
    BorderEdge edge;
    {
        const py::gil_scoped_release unlocked;
        edge = find_border_edge(lines);
    }
    return py::make_tuple(edge.n_lines, edge.score);
}

}  // namespace

void register_image(py::module_& core) {
    core.def("grey_of_rgb", &convert_to_grey, py::arg("rgb"));
    core.def("lanczos_resize", &resize, py::arg("grey"), py::arg("height"), py::arg("width"), py::arg("tall_first"));
    core.def("line_deviations", &measure_border, py::arg("pixels"), py::arg("top"), py::arg("bottom"), py::arg("left"),
             py::arg("right"), py::arg("side"), py::arg("most_spread"), py::arg("most_deviation"),
             py::arg("more_lines"));
    core.def("border_edge", &find_edge, py::arg("pixels"), py::arg("top"), py::arg("bottom"), py::arg("left"),
             py::arg("right"), py::arg("side"));
}

}  // namespace hashmatch
