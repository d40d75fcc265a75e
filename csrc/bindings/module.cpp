#include "bindings/bindings.h"

PYBIND11_MODULE(_core, core) {
    core.doc() = "Native core of hashmatch; use the Python modules above it.";
    core.attr("__version__") = HASHMATCH_VERSION;
    hashmatch::register_errors(core);
    hashmatch::register_kernels(core);
    hashmatch::register_image(core);
    hashmatch::register_hash(core);
    hashmatch::register_hamming(core);
}
