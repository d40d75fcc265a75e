// A small index that owns its arrays, and what comparing every code in it gives.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "hamming/codes.h"
#include "hamming/scan.h"
#include "hamming/search.h"
#include "hamming/tables.h"
#include "kernels/dispatch.h"
#include "tests/testing.h"

namespace hashmatch {

using Match = std::pair<int32_t, int64_t>;  // distance, id
using List = std::vector<Match>;
using Lists = std::vector<List>;  // by query

inline Lists lists_of(const SearchResult& result) {
    Lists lists(result.offsets.size() - 1);
    for (size_t q = 0; q < lists.size(); ++q)
        for (auto i = static_cast<size_t>(result.offsets[q]); i < static_cast<size_t>(result.offsets[q + 1]); ++i)
            lists[q].emplace_back(result.distances[i], result.ids[i]);
    return lists;
}

// Flips up to `most` bits of a code.
inline void flip_some(uint8_t* code, int n_bytes, int most) {
    for (int flips = between(0, most); flips > 0; --flips) {
        const int bit = between(0, 8 * n_bytes - 1);
        code[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
}

// Begins on a cache line, as sketches must.
template <class T>
struct OnCacheLine {
    using value_type = T;
    OnCacheLine() = default;
    template <class U>
    OnCacheLine(const OnCacheLine<U>&) {}
    T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64})); }
    void deallocate(T* memory, size_t) { ::operator delete(memory, std::align_val_t{64}); }
    bool operator==(const OnCacheLine&) const { return true; }
    bool operator!=(const OnCacheLine&) const { return false; }
};
using Sketches = std::vector<uint16_t, OnCacheLine<uint16_t>>;

class SmallIndex {
  public:
    // Half of the codes lie near an earlier one; ids are given or not; without tables where the layout
    // has no parts.
    SmallIndex(int n, int n_bytes, const PartLayout& layout)
        : n_(n), n_bytes_(n_bytes), layout_(layout), rows_(static_cast<size_t>(n) * static_cast<size_t>(n_bytes)) {
        for (int row = 1; row < n; ++row) {
            if (between(0, 1)) continue;
            std::copy_n(code(between(0, row - 1)), n_bytes, code(row));
            flip_some(code(row), n_bytes, n_bytes);
        }
        planes_.resize(plane_bytes(n, n_bytes));
        pack_planes(rows_.data(), n, n_bytes, planes_.data());
        if (between(0, 1))
            for (int row = 0; row < n; ++row) ids_.push_back(int64_t{7} * (n - row) - n);
        has_sketches2_ = between(0, 1);
        if (layout.n_parts > 0) build(1, directory_, postings_, sketches_, sketches2_);
        open();
    }

    const Engine& engine() const { return *engine_; }
    int64_t n() const { return n_; }
    int n_bytes() const { return n_bytes_; }
    int distance(const Bytes& queries, int q, int64_t row) const {
        return distance(code(row), queries.data() + q * n_bytes_);
    }
    int distance_of_rows(int64_t a, int64_t b) const { return distance(code(a), code(b)); }

    // Half of them near a code.
    Bytes some_queries(int n_queries, int radius) const {
        Bytes queries(static_cast<size_t>(n_queries * n_bytes_));
        for (int q = 0; q < n_queries && n_ > 0; q += 2) {
            std::copy_n(code(between(0, n_ - 1)), n_bytes_, queries.data() + q * n_bytes_);
            flip_some(queries.data() + q * n_bytes_, n_bytes_, radius);
        }
        return queries;
    }

    // All codes within the radius of each query, by (distance, id).
    Lists within(const Bytes& queries, int n_queries, int radius) const {
        Lists lists(static_cast<size_t>(n_queries));
        for (int q = 0; q < n_queries; ++q) {
            List& list = lists[static_cast<size_t>(q)];
            for (int64_t row = 0; row < n_; ++row)
                if (const int bits = distance(queries, q, row); bits <= radius)
                    list.emplace_back(bits, ids_.empty() ? row : ids_[static_cast<size_t>(row)]);
            std::sort(list.begin(), list.end());
        }
        return lists;
    }

    // All pairs of rows within the radius, by lower row, then by (distance, higher row).
    Lists pairs_within(int radius) const {
        Lists lists(static_cast<size_t>(n_));
        for (int64_t a = 0; a < n_; ++a) {
            List& list = lists[static_cast<size_t>(a)];
            for (int64_t b = a + 1; b < n_; ++b)
                if (const int bits = distance_of_rows(a, b); bits <= radius) list.emplace_back(bits, b);
            std::sort(list.begin(), list.end());
        }
        return lists;
    }

    // Whether the tables come out the same, built on so many threads.
    bool is_same_with_threads(int threads) const {
        if (layout_.n_parts == 0) return true;
        std::vector<uint32_t> directory, postings;
        Sketches sketches;
        std::vector<uint8_t> sketches2;
        build(threads, directory, postings, sketches, sketches2);
        return directory == directory_ && postings == postings_ && sketches == sketches_ && sketches2 == sketches2_;
    }

    // Puts nonsense into the tables and planes, as a file that nobody verified may hold.
    void damage() {
        const int kind = between(0, 3);
        for (uint32_t& entry : directory_)
            if (const size_t at = static_cast<size_t>(&entry - directory_.data()); kind == 0)
                entry = at % 2 ? static_cast<uint32_t>(n_) : 0;  // buckets that hold everything
            else
                damage(entry, kind);
        for (uint32_t& row : postings_) damage(row, kind);
        for (uint16_t& sketch : sketches_) damage(sketch, kind);
        for (uint8_t& sketch : sketches2_) damage(sketch, kind);
        for (uint8_t& byte : planes_) damage(byte, kind);
        open();
    }

  private:
    template <class T>
    static void damage(T& value, int kind) {
        if (kind < 3 && between(0, kind == 1 ? 1 : 50)) return;
        value = between(0, 1) ? static_cast<T>(g_random()) : static_cast<T>(-between(0, 1));
    }

    int distance(const uint8_t* a, const uint8_t* b) const {
        size_t bits = 0;
        for (int byte = 0; byte < n_bytes_; ++byte)
            bits += std::bitset<8>(static_cast<unsigned>(a[byte] ^ b[byte])).count();
        return static_cast<int>(bits);
    }

    uint8_t* code(int64_t row) { return rows_.data() + row * n_bytes_; }
    const uint8_t* code(int64_t row) const { return rows_.data() + row * n_bytes_; }
    Codes codes() const {
        return {rows_.data(), planes_.data(), ids_.empty() ? nullptr : ids_.data(), n_, n_bytes_, planes_for(n_bytes_)};
    }

    void build(int threads, std::vector<uint32_t>& directory, std::vector<uint32_t>& postings, Sketches& sketches,
               std::vector<uint8_t>& sketches2) const {
        directory.resize(directory_size(layout_));
        postings.resize(postings_size(layout_, n_));
        sketches.resize(sketches_size(layout_, n_));
        if (has_sketches2_) sketches2.resize(postings_size(layout_, n_));
        build_tables(codes(), layout_, threads, directory.data(), postings.data(), sketches.data(),
                     has_sketches2_ ? sketches2.data() : nullptr);
    }

    void open() {
        std::optional<Tables> tables;
        if (layout_.n_parts > 0)
            tables = Tables{layout_,           n_,
                            directory_.data(), postings_.data(),
                            sketches_.data(),  has_sketches2_ ? sketches2_.data() : nullptr};
        engine_.emplace(codes(), std::move(tables));
    }

    int n_, n_bytes_;
    PartLayout layout_;
    Bytes rows_;
    std::vector<uint8_t> planes_;
    std::vector<int64_t> ids_;
    std::vector<uint32_t> directory_, postings_;
    Sketches sketches_;
    std::vector<uint8_t> sketches2_;
    bool has_sketches2_ = false;
    std::optional<Engine> engine_;
};

}  // namespace hashmatch
