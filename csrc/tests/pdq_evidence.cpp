// PDQ evidence for Python tests: a shared library of its own, so that the product's module needs no such
// function. Built by `csrc/tests/run.sh evidence`.
#include "tests/pdq_evidence.h"

#include <exception>

// Fills `evidence` with the kernel named `kernel`; `layout` is a Layout. Returns 0, or 1 if that failed.
extern "C" int compute_pdq_evidence(const char* kernel, int layout, const void* pixels, int height_px, int width_px,
                                    int orientations, hashmatch::PdqEvidence* evidence) {
    try {
        hashmatch::select_kernel(kernel);
        const hashmatch::Picture picture{static_cast<hashmatch::Layout>(layout), pixels, height_px, width_px};
        *evidence = hashmatch::compute_evidence(picture, orientations);
        return 0;
    } catch (const std::exception&) {
        return 1;
    }
}
