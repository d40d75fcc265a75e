#include "kernels/dispatch.h"

#include <atomic>
#include <cstdlib>

#include "kernels/cpu.h"
#include "kernels/errors.h"

namespace hashmatch {
namespace {

bool always() { return true; }

// Best first.
const Kernel kKernels[] = {
#if defined(__x86_64__)
    {"avx512", cpu_has_avx512, &kHammingAvx512, &kPdqAvx512, &kGreyAvx2},
    {"avx2", cpu_has_avx2, &kHammingAvx2, &kPdqAvx2, &kGreyAvx2},
#elif defined(__aarch64__)
    {"neon", always, &kHammingNeon, &kPdqNeon, &kGreyPortable},
#endif
    {"portable", always, &kHammingPortable, &kPdqPortable, &kGreyPortable},
};

std::string known_names() {
    std::string names;
    for (const Kernel& kernel : kKernels) names += (names.empty() ? "" : ", ") + std::string(kernel.name);
    return names;
}

const Kernel* find(const std::string& name) {
    for (const Kernel& kernel : kKernels) {
        if (name != kernel.name) continue;
        if (!kernel.runs_here()) throw KernelError("kernel '" + name + "' needs instructions this CPU lacks");
        return &kernel;
    }
    throw KernelError("unknown kernel '" + name + "'; this build has " + known_names());
}

const Kernel* choose() {
    const char* wanted = std::getenv("HASHMATCH_KERNEL");
    if (wanted && *wanted) {
        try {
            return find(wanted);
        } catch (const KernelError& error) {
            throw KernelError("HASHMATCH_KERNEL: " + std::string(error.what()));
        }
    }
    for (const Kernel& kernel : kKernels)
        if (kernel.runs_here()) return &kernel;
    return nullptr;  // not reached: the portable kernel always runs
}

std::atomic<const Kernel*> g_active{nullptr};

}  // namespace

const Kernel& active_kernel() {
    const Kernel* kernel = g_active.load(std::memory_order_acquire);
    if (!kernel) {
        const Kernel* chosen = choose();
        // Another thread may have chosen meanwhile, or have been told to use another.
        if (g_active.compare_exchange_strong(kernel, chosen)) kernel = chosen;
    }
    return *kernel;
}

std::string select_kernel(const std::string& name) {
    std::string before = active_kernel().name;
    g_active.store(find(name), std::memory_order_release);
    return before;
}

std::vector<std::string> runnable_kernels() {
    std::vector<std::string> names;
    for (const Kernel& kernel : kKernels)
        if (kernel.runs_here()) names.push_back(kernel.name);
    return names;
}

}  // namespace hashmatch
