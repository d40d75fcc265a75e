// NumPy arrays over memory of our own choosing.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "bindings/bindings.h"

namespace hashmatch {

// Large arrays begin on a huge page and ask for more of them: a search reads them at random, and half
// of its time would go into address translation otherwise. Small ones begin on a cache line.
template <class T>
py::array_t<T, py::array::c_style> make_array(std::vector<py::ssize_t> shape) {
    constexpr size_t kCacheLine = 64, kHugePage = size_t{1} << 21;
    size_t n_bytes = sizeof(T);
    for (const py::ssize_t side : shape) n_bytes *= static_cast<size_t>(side);
    const size_t alignment = n_bytes >= kHugePage ? kHugePage : kCacheLine;
    const size_t rounded = (n_bytes / alignment + 1) * alignment;
    void* memory = std::aligned_alloc(alignment, rounded);
    if (!memory) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    if (alignment == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
    const py::capsule owner(memory, [](void* kept) { std::free(kept); });
    return py::array_t<T, py::array::c_style>(std::move(shape), static_cast<T*>(memory), owner);
}

// Hands a vector to NumPy: a short one as a copy, which is quicker than an owner, a long one as it is.
template <class T>
py::array_t<T> to_array(std::vector<T>&& values) {
    constexpr size_t kShort = 1024;
    if (values.size() <= kShort) {
        // Filled here: handed the values, the constructor would have NumPy make a second array.
        py::array_t<T> copy(static_cast<py::ssize_t>(values.size()));
        std::copy(values.begin(), values.end(), copy.mutable_data());
        return copy;
    }
    auto* kept = new std::vector<T>(std::move(values));
    const py::capsule owner(kept, [](void* vector) { delete static_cast<std::vector<T>*>(vector); });
    return py::array_t<T>(static_cast<py::ssize_t>(kept->size()), kept->data(), owner);
}

}  // namespace hashmatch
