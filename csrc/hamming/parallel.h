// Parallel loops.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

namespace hashmatch {

// Calls task(0) ... task(n - 1), each on its own thread (the first on the caller's), and returns when all
// have finished. Rethrows the first exception that any of them threw.
void run_threads(int n, const std::function<void(int)>& task);

struct Range {
    int64_t begin, end;
};

// Hands out 0 .. n - 1 in consecutive ranges of `grain`, each of them once. Thread-safe.
class Ranges {
  public:
    Ranges(int64_t n, int64_t grain) : n_(n), grain_(grain) {}

    // Returns the next range, or nullopt once all have been handed out.
    std::optional<Range> take() {
        const int64_t begin = next_.fetch_add(grain_);
        if (begin >= n_) return std::nullopt;
        return Range{begin, std::min(begin + grain_, n_)};
    }

    // Calls visit(i) for every i of every range that this thread gets, until none is left.
    template <class Visit>
    void for_each(const Visit& visit) {
        while (const std::optional<Range> range = take())
            for (int64_t i = range->begin; i < range->end; ++i) visit(i);
    }

  private:
    const int64_t n_, grain_;
    std::atomic<int64_t> next_{0};
};

// Loops over 0 .. n - 1 on at most `threads` threads: calls work(thread, ranges) once per thread, which
// takes ranges until none is left, and so can keep state of its own between them. `thread` counts from 0.
// Runs on the caller's thread alone if there is one range or none.
template <class Work>
void parallel_for(int64_t n, int64_t grain, int threads, const Work& work) {
    const int64_t n_ranges = (n + grain - 1) / grain;
    Ranges ranges(n, grain);
    run_threads(static_cast<int>(std::clamp<int64_t>(threads, 1, std::max<int64_t>(1, n_ranges))),
                [&](int thread) { work(thread, ranges); });
}

}  // namespace hashmatch
