#include "hamming/parallel.h"

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace hashmatch {

void run_threads(int n, const std::function<void(int)>& task) {
    std::exception_ptr first;
    std::mutex lock;
    const auto run_guarded = [&](int i) {
        try {
            task(i);
        } catch (...) {
            const std::lock_guard<std::mutex> hold(lock);
            if (!first) first = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    int started = 1;
    for (; started < n; ++started) {
        try {
            others.emplace_back(run_guarded, started);
        } catch (const std::exception&) {
            break;  // the system is out of threads: the caller runs the remaining tasks
        }
    }
    run_guarded(0);
    for (int i = started; i < n; ++i) run_guarded(i);
    for (std::thread& other : others) other.join();
    if (first) std::rethrow_exception(first);
}

}  // namespace hashmatch
