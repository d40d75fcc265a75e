// The one place where a native error becomes a Python exception.
#include "bindings/bindings.h"

#include <exception>

#include "kernels/errors.h"

namespace hashmatch {

void register_errors(py::module_&) {
    py::register_local_exception_translator([](std::exception_ptr pending) {
        const auto raise = [](const char* name, const char* what) {
            py::set_error(py::module_::import("hashmatch.errors").attr(name), what);
        };
        try {
            if (pending) std::rethrow_exception(pending);
        } catch (const FormatError& error) {
            raise("IndexFormatError", error.what());
        } catch (const KernelError& error) {
            raise("HashmatchError", error.what());
        } catch (const IoError& error) {
            py::set_error(py::reinterpret_borrow<py::object>(PyExc_OSError),
                          py::make_tuple(error.error_number, error.what()));
        }
    });
}

}  // namespace hashmatch
