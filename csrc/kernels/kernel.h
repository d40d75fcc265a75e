// A kernel: every vectorised loop of the library, compiled for one instruction set.
#pragma once

#include "kernels/grey_ops.h"
#include "kernels/hamming_ops.h"
#include "kernels/pdq_ops.h"

namespace hashmatch {

// Each kernel_*.cpp exports one Kernel, and dispatch.cpp lists it. The instruction set is a target
// attribute on each function, never a compiler flag, so that one build runs on every machine.
struct Kernel {
    const char* name;
    bool (*runs_here)();  // true if this CPU and operating system support its instructions
    HammingOps hamming;
    PdqOps pdq;
    GreyOps grey;
};

}  // namespace hashmatch
