// NumPy arrays over memory allocated here.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "bindings/bindings.h"

namespace hashmatch {

// Allocates an uninitialised array. A large one begins on a huge page and asks for more of them: a search reads
// it at random, and half of its time would otherwise go into address translation. A small one begins on a cache
// line.
template <class T>
py::array_t<T, py::array::c_style> make_array(std::vector<py::ssize_t> shape) {
    constexpr size_t kCacheLine = 64, kHugePage = size_t{1} << 21;
    size_t n_bytes = sizeof(T);
    for (const py::ssize_t side : shape) n_bytes *= side;
    const size_t alignment = n_bytes >= kHugePage ? kHugePage : kCacheLine;
    const size_t rounded = (n_bytes / alignment + 1) * alignment;
    std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(alignment, rounded), &std::free);
    if (!memory) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    if (alignment == kHugePage) madvise(memory.get(), rounded, MADV_HUGEPAGE);
#endif
    const py::capsule owner(memory.get(), [](void* owned) { std::free(owned); });
    auto* values = static_cast<T*>(memory.release());  // the capsule owns it now
    return py::array_t<T, py::array::c_style>(std::move(shape), values, owner);
}

// Moves a vector into NumPy: a short one by copy, which is faster than making an owner, a long one as it is.
template <class T>
py::array_t<T> to_array(std::vector<T>&& values) {
    constexpr size_t kMaxCopied = 1024;
    if (values.size() <= kMaxCopied) {
        // Filled here, as the constructor would have NumPy allocate a second array for given values.
        py::array_t<T> copy(static_cast<py::ssize_t>(values.size()));
        std::copy(values.begin(), values.end(), copy.mutable_data());
        return copy;
    }
    auto vector = std::make_unique<std::vector<T>>(std::move(values));
    const py::capsule owner(vector.get(), [](void* owned) { delete static_cast<std::vector<T>*>(owned); });
    const auto* moved = vector.release();  // the capsule owns it now
    return py::array_t<T>(static_cast<py::ssize_t>(moved->size()), moved->data(), owner);
}

}  // namespace hashmatch
