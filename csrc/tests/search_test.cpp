// Every search strategy against exhaustive comparison, on intact and on damaged tables. Prints the amount of
// work; exits non-zero at the first difference. Built and run by csrc/tests/run.sh.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/small_index.h"
#include "tests/testing.h"

namespace hashmatch {
namespace {

// Around the sizes of a block (64), a tile (2048) and a chunk of postings (4096).
constexpr std::initializer_list<int> kSizes = {0,   1,   2,   3,    63,   64,   65,   127,  128,
                                               129, 200, 500, 2047, 2048, 2049, 4095, 4096, 4097};
constexpr std::initializer_list<int> kWidths = {8, 9, 16, 31, 32, 33, 63, 64};
constexpr int kMaxJoined = 500;  // comparing every pair is slow

SubstringLayout choose_random_layout(int n_bytes) {
    if (between(0, 4) == 0) return {0, 0, 8 * n_bytes};
    const int substring_bits = between(kMinSubstringBits, choose({9, 9, 9, 12}));
    return {between(1, std::min(kMaxSubstrings, 8 * n_bytes / substring_bits)), substring_bits, 8 * n_bytes};
}

// A radius that is cheap or expensive for tables, or that only a scan can serve.
int choose_random_radius(const SubstringLayout& layout) {
    if (layout.n_substrings == 0 || between(0, 7) == 0) return between(0, layout.code_bits);
    return between(0, std::min(layout.code_bits, choose({2, 2, 2, 5}) * layout.n_substrings));
}

void check_search(const SmallIndex& index, const Bytes& queries, int n_queries, int radius, long long round) {
    const Searcher& searcher = index.searcher();
    const Lists expected = index.find_within(queries, n_queries, radius);
    for (const Strategy strategy : {Strategy::kScan, Strategy::kProbe, Strategy::kBatchProbe}) {
        const SearchPlan plan = searcher.planner().plan(radius, n_queries, strategy);
        const Lists found = lists_of(searcher.search(queries.data(), n_queries, radius, between(1, 3), plan));
        check(found == expected, active_kernel().name, "a search", round);
    }
    const Lists chosen = lists_of(searcher.search(queries.data(), n_queries, radius, between(1, 3)));
    check(chosen == expected, active_kernel().name, "a search as planned", round);
}

void check_nearest(const SmallIndex& index, const Bytes& queries, int n_queries, long long round) {
    Lists expected = index.find_within(queries, n_queries, 8 * index.n_bytes());
    const int k = choose({between(1, 9), between(1, 9), 100, std::max<int>(1, static_cast<int>(index.n()) - 1), 5000});
    for (List& list : expected) list.resize(std::min(list.size(), static_cast<size_t>(k)));
    const Lists found = lists_of(index.searcher().nearest(queries.data(), n_queries, k, between(1, 3)));
    check(found == expected, active_kernel().name, "nearest", round);
}

void check_join(const SmallIndex& index, int radius, long long round) {
    const Lists found = lists_of(index.searcher().join(radius, between(1, 3)));
    check(found == index.find_pairs(radius), active_kernel().name, "a join", round);
}

void check_constant_time(const SmallIndex& index, const Bytes& queries, int n_queries, int radius, long long round) {
    const int64_t row_bytes = (index.n() + 7) / 8;
    Bytes bitmaps(static_cast<size_t>(n_queries * row_bytes));
    constant_time_scan(index.searcher().codes(), queries.data(), n_queries, radius, between(1, 3), bitmaps.data());
    for (int q = 0; q < n_queries; ++q)
        for (int64_t row = 0; row < 8 * row_bytes; ++row) {
            const bool expected = row < index.n() && index.distance(queries, q, row) <= radius;
            const int byte = bitmaps.data()[q * row_bytes + row / 8];
            check((byte >> (7 - row % 8) & 1) == expected, active_kernel().name, "a bitmap", round);
        }
}

// Damage may lose matches but never crash, and whatever is reported is true.
void check_damaged(SmallIndex& index, const Bytes& queries, int n_queries, int radius, long long round) {
    index.damage();
    const Searcher& searcher = index.searcher();
    const auto is_true = [&](const Lists& found, const Lists& expected) {
        for (size_t q = 0; q < found.size(); ++q)
            for (const Match& match : found[q])
                if (!std::binary_search(expected[q].begin(), expected[q].end(), match)) return false;
        return true;
    };
    const Lists expected = index.find_within(queries, n_queries, radius);
    for (const Strategy strategy : {Strategy::kScan, Strategy::kProbe, Strategy::kBatchProbe}) {
        const SearchPlan plan = searcher.planner().plan(radius, n_queries, strategy);
        const Lists found = lists_of(searcher.search(queries.data(), n_queries, radius, 2, plan));
        check(is_true(found, expected), active_kernel().name, "a search by damaged tables", round);
    }
    const Lists all = index.find_within(queries, n_queries, 8 * index.n_bytes());
    const Lists nearest = lists_of(searcher.nearest(queries.data(), n_queries, 3, 2));
    check(is_true(nearest, all), active_kernel().name, "nearest by damaged tables", round);
    if (index.n() > kMaxJoined) return;
    const SearchResult joined = searcher.join(radius, 2);
    check(joined.ids.size() == joined.distances.size(), active_kernel().name, "a join by damaged tables", round);
    for (size_t a = 0; a + 1 < joined.offsets.size(); ++a)
        for (int64_t i = joined.offsets[a]; i < joined.offsets[a + 1]; ++i) {
            check(index.distance_of_rows(static_cast<int64_t>(a), joined.ids[i]) == joined.distances[i],
                  active_kernel().name, "a join by damaged tables", round);
        }
}

// An index of 256-bit codes takes at most 170 bytes per code in total, and a large one has second sketches.
void check_sizes() {
    for (double n = 1e3; n < 4e9; n *= 1.3) {
        const int64_t n_codes = static_cast<int64_t>(n);
        const SubstringLayout layout = choose_layout(n_codes, 256);
        const bool has_second = layout.n_substrings > 0 && wants_second_sketches(layout, n_codes);
        double bytes = 32 + 16 + layout.n_substrings * (has_second ? 7 : 6);
        if (layout.n_substrings > 0) bytes += 4 * static_cast<double>(directory_size(layout)) / n;
        check(bytes <= 170, "the layout", "at most 170 bytes a code", n_codes);
        check(has_second || n < 1e7, "the layout", "second sketches", n_codes);
    }
}

// Returns the number of codes that the oracle compared with a query.
long long one_round(long long round) {
    const int n = choose(kSizes), n_bytes = choose(kWidths);
    const SubstringLayout layout = choose_random_layout(n_bytes);
    SmallIndex index(n, n_bytes, layout);
    const int n_queries = between(0, 9), radius = choose_random_radius(layout);
    const Bytes queries = index.make_queries(n_queries, radius);
    check(index.is_same_with_threads(3), "the tables", "another number of threads", round);
    check_search(index, queries, n_queries, radius, round);
    check_nearest(index, queries, n_queries, round);
    check_constant_time(index, queries, n_queries, radius, round);
    if (n <= kMaxJoined) check_join(index, radius, round);
    if (layout.n_substrings > 0) check_damaged(index, queries, n_queries, radius, round);
    return static_cast<long long>(n) * n_queries;
}

}  // namespace
}  // namespace hashmatch

int main(int argc, char** argv) {
    using namespace hashmatch;
    const long long rounds = argc > 1 ? std::atoll(argv[1]) : 100;
    check_sizes();
    for (const std::string& kernel : runnable_kernels()) {
        select_kernel(kernel);
        long long compared = 0;
        for (long long round = 0; round < rounds; ++round) compared += one_round(round);
        std::printf("%s: %lld codes and queries searched by every strategy: all right\n", kernel.c_str(), compared);
        if (compared == 0) return 1;  // the test compared nothing
    }
    return 0;
}
