// Concurrent calls on one index, each on several threads of its own, while another thread keeps switching
// the kernel: every answer must be right. Meant for ThreadSanitizer: csrc/tests/run.sh threads.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "hamming/parallel.h"
#include "tests/small_index.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

constexpr int kCodes = 3000, kCodeBytes = 32, kQueries = 150, kRadius = 31, kNearest = 4, kCallers = 4;

using Call = std::function<bool(int threads)>;  // returns whether the answer is right

std::vector<Call> make_calls(const SmallIndex& index, const Bytes& queries) {
    const Searcher& searcher = index.searcher();
    const Lists within = index.find_within(queries, kQueries, kRadius), pairs = index.find_pairs(kRadius);
    Lists nearest = index.find_within(queries, kQueries, 8 * kCodeBytes);
    for (List& list : nearest) list.resize(kNearest);
    std::vector<Call> calls;
    for (const Strategy strategy : {Strategy::kScan, Strategy::kProbe, Strategy::kBatchProbe})
        calls.push_back([&, strategy, within](int threads) {
            const SearchPlan plan = searcher.planner().plan(kRadius, kQueries, strategy);
            return lists_of(searcher.search(queries.data(), kQueries, kRadius, threads, plan)) == within;
        });
    calls.push_back([&, pairs](int threads) { return lists_of(searcher.join(kRadius, threads)) == pairs; });
    calls.push_back([&, nearest](int threads) {
        return lists_of(searcher.nearest(queries.data(), kQueries, kNearest, threads)) == nearest;
    });
    calls.push_back([&](int threads) {
        std::vector<uint8_t> alone(kQueries * ((kCodes + 7) / 8)), together(alone.size());
        constant_time_scan(searcher.codes(), queries.data(), kQueries, kRadius, 1, alone.data());
        constant_time_scan(searcher.codes(), queries.data(), kQueries, kRadius, threads, together.data());
        return alone == together;
    });
    calls.push_back([&](int threads) { return index.is_same_with_threads(threads); });
    return calls;
}

// The callers start with different calls, so that each call runs beside every other at some point.
void check_together(const SmallIndex& index, const Bytes& queries, long long round) {
    const std::vector<Call> calls = make_calls(index, queries);
    const std::vector<std::string> kernels = runnable_kernels();
    std::atomic<bool> is_finished{false}, is_right{true};
    std::thread switcher([&] {
        for (size_t turn = 0; !is_finished; ++turn, std::this_thread::yield())
            select_kernel(kernels[turn % kernels.size()]);
    });
    std::vector<std::thread> callers;
    for (size_t caller = 0; caller < kCallers; ++caller)
        callers.emplace_back([&, caller] {
            for (size_t turn = 0; turn < calls.size(); ++turn)
                if (!calls[(caller * 2 + turn) % calls.size()](2)) is_right = false;
        });
    for (std::thread& caller : callers) caller.join();
    is_finished = true;
    switcher.join();
    check(is_right, "threads", "an answer beside others", round);
}

// Every index is visited once, by a thread whose number is in range.
void check_parallel_for(long long round) {
    const int n = choose({0, 1, 63, 64, 65, between(0, 2000)}), grain = choose({1, 7, 64, 5000});
    const int threads = between(1, 5);
    std::vector<std::atomic<int>> n_visits(n);
    std::atomic<bool> is_right{true};
    parallel_for(n, grain, threads, [&](int thread, Ranges& ranges) {
        if (thread < 0 || thread >= threads) is_right = false;
        while (const std::optional<Range> range = ranges.take()) {
            if (range->end - range->begin > grain) is_right = false;
            for (int64_t i = range->begin; i < range->end; ++i) ++n_visits[i];
        }
    });
    for (const std::atomic<int>& n_visit : n_visits) is_right = is_right && n_visit == 1;
    check(is_right, "threads", "a parallel loop", round);
}

void check_errors_propagate(long long round) {
    std::atomic<int> n_run{0};
    try {
        run_threads(4, [&](int i) {
            ++n_run;
            if (i == 2) throw std::runtime_error("two");
        });
    } catch (const std::runtime_error& error) {
        check(n_run == 4 && error.what() == std::string("two"), "threads", "an error", round);
        return;
    }
    fail("threads", "an error is lost", round);
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 2;
    for (long long round = 0; round < rounds; ++round) {
        const SmallIndex index(kCodes, kCodeBytes, {16, 10, 8 * kCodeBytes});
        check_together(index, index.make_queries(kQueries, kRadius), round);
        check_errors_propagate(round);
        for (int i = 0; i < 20; ++i) check_parallel_for(round);
    }
    std::printf("%d callers at once, %lld rounds: all right\n", kCallers, rounds);
    return rounds > 0 ? 0 : 1;
}
