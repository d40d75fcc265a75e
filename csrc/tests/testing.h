// Helpers of the native tests: repeatable randomness, bytes whose bounds a sanitizer knows, and exit at the
// first failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <random>

namespace hashmatch {

// Each test is one program, and only its main thread draws.
inline std::mt19937_64 g_random(20261122);

inline int between(int low, int high) {
    return low + static_cast<int>(g_random() % static_cast<uint64_t>(high - low + 1));
}

template <class T>
T choose(std::initializer_list<T> values) {
    return values.begin()[between(0, static_cast<int>(values.size()) - 1)];
}

// Random bytes on the heap, without padding and at any alignment, so that a sanitizer detects access outside.
class Bytes {
  public:
    explicit Bytes(size_t size) : shift_(between(0, 7)), size_(size), bytes_(new uint8_t[shift_ + size]) {
        const int kind = between(0, 7);
        for (size_t i = 0; i < size; ++i)
            data()[i] = kind == 0 ? 0 : kind == 1 ? 255 : static_cast<uint8_t>(g_random());
    }
    uint8_t* data() { return bytes_.get() + shift_; }
    const uint8_t* data() const { return bytes_.get() + shift_; }
    size_t size() const { return size_; }

  private:
    size_t shift_, size_;
    std::unique_ptr<uint8_t[]> bytes_;
};

[[noreturn]] inline void fail(const char* kernel, const char* what, long long round) {
    std::printf("%s: %s: wrong in round %lld\n", kernel, what, round);
    std::exit(1);
}

inline void check(bool holds, const char* kernel, const char* what, long long round) {
    if (!holds) fail(kernel, what, round);
}

}  // namespace hashmatch
