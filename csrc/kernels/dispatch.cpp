#include "kernels/dispatch.h"

#include <atomic>
#include <cstdlib>

#include "kernels/errors.h"

// The kernels of this build, best first. A new kernel is one line here.
#if defined(__x86_64__)
#define HM_KERNELS(KERNEL) \
    KERNEL(kAvx512)        \
    KERNEL(kAvx2)          \
    KERNEL(kPortable)
#elif defined(__aarch64__)
#define HM_KERNELS(KERNEL) \
    KERNEL(kNeon)          \
    KERNEL(kPortable)
#else
#define HM_KERNELS(KERNEL) KERNEL(kPortable)
#endif

namespace hashmatch {

#define HM_DECLARE(kernel) extern const Kernel kernel;
HM_KERNELS(HM_DECLARE)

namespace {

#define HM_ADDRESS(kernel) &kernel,
const Kernel* const kKernels[] = {HM_KERNELS(HM_ADDRESS)};

std::string list_names() {
    std::string names;
    for (const Kernel* kernel : kKernels) names += (names.empty() ? "" : ", ") + std::string(kernel->name);
    return names;
}

const Kernel* find(const std::string& name) {
    for (const Kernel* kernel : kKernels) {
        if (name != kernel->name) continue;
        if (!kernel->runs_here()) throw KernelError("kernel '" + name + "' needs instructions this CPU lacks");
        return kernel;
    }
    throw KernelError("unknown kernel '" + name + "'; this build has " + list_names());
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
    for (const Kernel* kernel : kKernels)
        if (kernel->runs_here()) return kernel;
    return nullptr;  // unreachable: the portable kernel always runs
}

std::atomic<const Kernel*> g_active{nullptr};

}  // namespace

std::span<const Kernel* const> all_kernels() { return kKernels; }

std::vector<std::string> runnable_kernels() {
    std::vector<std::string> names;
    for (const Kernel* kernel : kKernels)
        if (kernel->runs_here()) names.push_back(kernel->name);
    return names;
}

const Kernel& active_kernel() {
    const Kernel* kernel = g_active.load(std::memory_order_acquire);
    if (!kernel) {
        const Kernel* chosen = choose();
        // Another thread may have chosen or selected a kernel in the meantime; that one stays.
        if (g_active.compare_exchange_strong(kernel, chosen)) kernel = chosen;
    }
    return *kernel;
}

std::string select_kernel(const std::string& name) {
    std::string previous = active_kernel().name;
    g_active.store(find(name), std::memory_order_release);
    return previous;
}

}  // namespace hashmatch
