// What every binding file includes first.
#pragma once

#include <pybind11/native_enum.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace hashmatch {

namespace py = pybind11;

void register_errors(py::module_& core);
void register_kernels(py::module_& core);
void register_pdq(py::module_& core);
void register_grey(py::module_& core);
void register_border(py::module_& core);
void register_hamming(py::module_& core);

}  // namespace hashmatch
