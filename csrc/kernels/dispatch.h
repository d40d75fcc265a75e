// Run-time choice of one kernel for the whole library.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernels/kernel.h"

namespace hashmatch {

// Every kernel of this build, best first. The last one, "portable", runs everywhere.
std::span<const Kernel* const> all_kernels();

// Names of the kernels this CPU can run, best first.
std::vector<std::string> runnable_kernels();

// The kernel in use: the one named by HASHMATCH_KERNEL, or else the best one this CPU can run.
// Thread-safe. Throws KernelError if the variable names an unknown kernel or one the CPU cannot run.
const Kernel& active_kernel();

// Switches to the kernel called `name` and returns the name of the previous one. Throws KernelError
// like active_kernel(). Safe while other threads compute: calls in flight finish on their old kernel.
std::string select_kernel(const std::string& name);

}  // namespace hashmatch
