// The errors native code throws; bindings/errors.cpp alone turns them into Python's.
#pragma once

#include <stdexcept>
#include <string>

namespace hashmatch {

// A kernel name that is unknown or that this CPU cannot run.
struct KernelError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A file that is damaged, foreign or newer than this code.
struct FormatError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The operating system refused; carries errno.
struct IoError : std::runtime_error {
    IoError(int code, const std::string& what) : std::runtime_error(what), error_number(code) {}
    int error_number;
};

}  // namespace hashmatch
