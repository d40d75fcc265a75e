// One choice of instruction set for the whole library, made at run time.
#pragma once

#include <string>
#include <vector>

#include "kernels/grey_kernels.h"
#include "kernels/hamming_kernels.h"
#include "kernels/pdq_kernels.h"

namespace hashmatch {

struct Kernel {
    const char* name;
    bool (*runs_here)();
    const HammingKernels* hamming;
    const PdqKernels* pdq;
    const GreyKernels* grey;
};

// The kernel in use: the one HASHMATCH_KERNEL names, else the best this CPU runs.
// Thread-safe. Throws KernelError where the variable names an unknown kernel or one the CPU lacks.
const Kernel& active_kernel();

// Uses `name` from now on; returns the name used before. Throws KernelError like active_kernel().
// Safe while other threads compute: calls under way finish with the kernel they began with.
std::string select_kernel(const std::string& name);

// Names this CPU can run, best first; "portable" is always the last.
std::vector<std::string> runnable_kernels();

}  // namespace hashmatch
