// Errors that native code throws; bindings/errors.cpp translates them into Python exceptions.
#pragma once

#include <stdexcept>

namespace hashmatch {

// A kernel name that is unknown, or a kernel that this CPU cannot run.
struct KernelError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace hashmatch
