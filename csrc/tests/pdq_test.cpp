// PDQ with every kernel this CPU runs against PDQ with the portable one, to the last bit of every float.
// Prints how much was hashed; exits non-zero at a difference. csrc/tests/run.sh builds and runs it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "hash/pdq.h"
#include "kernels/dispatch.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

// What a picture comes to, on the fast way and the reference's, with the kernel in use.
std::vector<uint8_t> computed(const Picture& picture) {
    std::vector<uint8_t> bytes;
    const auto keep = [&bytes](const void* from, size_t n_bytes) {
        const auto* first = static_cast<const uint8_t*>(from);
        bytes.insert(bytes.end(), first, first + n_bytes);
    };
    for (const int orientations : {1, kOrientations}) {
        const PdqHashes hashes = pdq_hashes(picture, orientations);
        keep(hashes.codes, sizeof hashes.codes);
        keep(&hashes.quality, sizeof hashes.quality);
    }
    const PdqEvidence evidence = pdq_evidence(picture, kOrientations);
    for (const auto* floats : {&evidence.grid, &evidence.reference_grid, &evidence.coefficients,
                               &evidence.reference_coefficients, &evidence.errors})
        keep(floats->data(), floats->size() * sizeof(float));
    keep(&evidence.gradient_slack, sizeof evidence.gradient_slack);
    return bytes;
}

// Noise, smooth noise or nothing at all, as bytes or as floats.
std::vector<uint8_t> some_pixels(Layout layout, size_t n_values) {
    const int step = one_of({1, 3, 40, 0});
    int value = between(0, 255);
    std::vector<uint8_t> bytes(n_values * (layout == Layout::kLuma32 ? sizeof(float) : 1));
    for (size_t i = 0; i < n_values; ++i) {
        if (step > 0) value = (value + between(0, 2 * step) + 256 - step) % 256;
        const float luma = static_cast<float>(value) + static_cast<float>(step) / 7;
        if (layout == Layout::kLuma32)
            std::memcpy(&bytes[i * sizeof luma], &luma, sizeof luma);
        else
            bytes[i] = static_cast<uint8_t>(value);
    }
    return bytes;
}

size_t one_round(long long round) {
    const Layout layout = one_of({Layout::kLuma8, Layout::kLuma32, Layout::kRgb8});
    const int height_px = one_of({5, 16, 63, 64, 65, between(5, 200)});
    const int width_px = one_of({5, 17, 64, 127, 129, between(5, 200)});
    const size_t n_values = static_cast<size_t>(height_px * width_px) * (layout == Layout::kRgb8 ? 3 : 1);
    const std::vector<uint8_t> pixels = some_pixels(layout, n_values);
    const Picture picture{layout, pixels.data(), height_px, width_px};
    std::vector<uint8_t> expected;
    select_kernel("portable");
    expected = computed(picture);
    for (const std::string& kernel : runnable_kernels()) {
        select_kernel(kernel);
        check(computed(picture) == expected, kernel.c_str(), "PDQ", round);
    }
    return n_values;
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 200;
    size_t hashed = 0;
    for (long long round = 0; round < rounds; ++round) hashed += one_round(round);
    for (const std::string& kernel : runnable_kernels()) std::printf("%s ", kernel.c_str());
    std::printf("hash %zu values alike: all right\n", hashed);
    return hashed > 0 ? 0 : 1;
}
