// Translation of native errors into Python exceptions.
#include "bindings/bindings.h"

#include <exception>

#include "kernels/errors.h"

namespace hashmatch {

void register_errors(py::module_&) {
    py::register_local_exception_translator([](std::exception_ptr pending) {
        try {
            if (pending) std::rethrow_exception(pending);
        } catch (const KernelError& error) {
            py::set_error(py::module_::import("hashmatch.errors").attr("HashmatchError"), error.what());
        }
    });
}

}  // namespace hashmatch
