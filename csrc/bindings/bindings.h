// Included first by every binding file.
#pragma once

#include <pybind11/native_enum.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace hashmatch {

namespace py = pybind11;

using Bytes = py::array_t<uint8_t, py::array::c_style>;

void register_errors(py::module_& core);
void register_kernels(py::module_& core);
void register_image(py::module_& core);
void register_hash(py::module_& core);
void register_hamming(py::module_& core);

}  // namespace hashmatch
