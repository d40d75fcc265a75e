#include "bindings/bindings.h"

#include "kernels/dispatch.h"

namespace hashmatch {

void register_kernels(py::module_& core) {
    core.def("active_kernel", [] { return std::string(active_kernel().name); });
    core.def("select_kernel", &select_kernel, py::arg("name"));
    core.def("runnable_kernels", &runnable_kernels);
}

}  // namespace hashmatch
