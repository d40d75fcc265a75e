// A small index that owns its arrays, with exhaustive search as an oracle.
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
        for (int64_t i = result.offsets[q]; i < result.offsets[q + 1]; ++i)
            lists[q].emplace_back(result.distances[i], result.ids[i]);
    return lists;
}

// Flips up to `most` bits of a code.
inline void flip_bits(uint8_t* code, int n_bytes, int most) {
    for (int flips = between(0, most); flips > 0; --flips) {
        const int bit = between(0, 8 * n_bytes - 1);
        code[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
}

// Aligns to a cache line, as sketches require.
template <class T>
struct CacheLineAllocator {
    using value_type = T;
    CacheLineAllocator() = default;
    template <class U>
    CacheLineAllocator(const CacheLineAllocator<U>&) {}
    T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64})); }
    void deallocate(T* memory, size_t) { ::operator delete(memory, std::align_val_t{64}); }
    bool operator==(const CacheLineAllocator&) const { return true; }
    bool operator!=(const CacheLineAllocator&) const { return false; }
};

// The arrays of the tables.
struct TableVectors {
    TableVectors() = default;
    TableVectors(const SubstringLayout& layout, int64_t n, bool has_sketches2)
        : directory(directory_size(layout)),
          postings(postings_size(layout, n)),
          sketches(sketches_size(layout, n)),
          sketches2(has_sketches2 ? postings_size(layout, n) : 0) {}

    TableSpans spans() { return {directory, postings, sketches, sketches2}; }
    ConstTableSpans const_spans() const { return {directory, postings, sketches, sketches2}; }
    bool operator==(const TableVectors&) const = default;

    std::vector<uint32_t> directory, postings;
    std::vector<uint16_t, CacheLineAllocator<uint16_t>> sketches;
    std::vector<uint8_t> sketches2;
};

class SmallIndex {
  public:
    // Half of the codes are near an earlier one; in every fourth index, nearly all are copies of a few. There are ids
    // or not, at random; without tables if the layout has no substrings.
    SmallIndex(int n, int n_bytes, const SubstringLayout& layout)
        : n_(n), n_bytes_(n_bytes), layout_(layout), rows_(size_t{1} * n * n_bytes) {
        const bool is_crowd = between(0, 3) == 0;
        for (int row = 1; row < n; ++row) {
            if (between(0, is_crowd ? 20 : 1) == (is_crowd ? 0 : 1)) continue;
            std::copy_n(code(between(0, is_crowd ? std::min(row - 1, 2) : row - 1)), n_bytes, code(row));
            flip_bits(code(row), n_bytes, is_crowd ? between(0, 10) == 0 : n_bytes);
        }
        planes_.resize(plane_bytes(n, n_bytes));
        pack_planes(rows_.data(), n, n_bytes, planes_.data());
        if (between(0, 1))
            for (int row = 0; row < n; ++row) ids_.push_back(int64_t{7} * (n - row) - n);
        has_sketches2_ = between(0, 1);
        if (layout.n_substrings > 0) tables_ = build(1);
        open();
    }

    const Searcher& searcher() const { return *searcher_; }
    int64_t n() const { return n_; }
    int n_bytes() const { return n_bytes_; }
    int distance(const Bytes& queries, int q, int64_t row) const {
        return distance(code(row), queries.data() + q * n_bytes_);
    }
    int distance_of_rows(int64_t a, int64_t b) const { return distance(code(a), code(b)); }

    // Makes queries, half of them near a code.
    Bytes make_queries(int n_queries, int radius) const {
        Bytes queries(size_t{1} * n_queries * n_bytes_);
        for (int q = 0; q < n_queries && n_ > 0; q += 2) {
            std::copy_n(code(between(0, n_ - 1)), n_bytes_, queries.data() + q * n_bytes_);
            flip_bits(queries.data() + q * n_bytes_, n_bytes_, radius);
        }
        return queries;
    }

    // Finds all codes within the radius of each query, by (distance, id).
    Lists find_within(const Bytes& queries, int n_queries, int radius) const {
        Lists lists(n_queries);
        for (int q = 0; q < n_queries; ++q) {
            List& list = lists[q];
            for (int64_t row = 0; row < n_; ++row)
                if (const int bits = distance(queries, q, row); bits <= radius)
                    list.emplace_back(bits, ids_.empty() ? row : ids_[row]);
            std::sort(list.begin(), list.end());
        }
        return lists;
    }

    // Finds all pairs of rows within the radius, by lower row, then by (distance, higher row).
    Lists find_pairs(int radius) const {
        Lists lists(n_);
        for (int64_t a = 0; a < n_; ++a) {
            List& list = lists[a];
            for (int64_t b = a + 1; b < n_; ++b)
                if (const int bits = distance_of_rows(a, b); bits <= radius) list.emplace_back(bits, b);
            std::sort(list.begin(), list.end());
        }
        return lists;
    }

    // Returns whether the tables are the same when built on this many threads.
    bool is_same_with_threads(int threads) const { return layout_.n_substrings == 0 || build(threads) == tables_; }

    // Corrupts the tables and planes, as in a file that nobody has verified.
    void damage() {
        const int kind = between(0, 3);
        for (size_t i = 0; i < tables_.directory.size(); ++i)
            if (kind == 0)
                tables_.directory[i] = i % 2 ? static_cast<uint32_t>(n_) : 0;  // buckets that hold everything
            else
                damage(tables_.directory[i], kind);
        for (uint32_t& row : tables_.postings) damage(row, kind);
        for (uint16_t& sketch : tables_.sketches) damage(sketch, kind);
        for (uint8_t& sketch : tables_.sketches2) damage(sketch, kind);
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

    TableVectors build(int threads) const {
        TableVectors tables(layout_, n_, has_sketches2_);
        build_tables(codes(), layout_, threads, tables.spans());
        return tables;
    }

    void open() {
        std::optional<Tables> tables;
        if (layout_.n_substrings > 0) tables.emplace(layout_, n_, tables_.const_spans());
        searcher_.emplace(codes(), std::move(tables));
    }

    int n_, n_bytes_;
    SubstringLayout layout_;
    Bytes rows_;
    std::vector<uint8_t> planes_;
    std::vector<int64_t> ids_;
    TableVectors tables_;
    bool has_sketches2_ = false;
    std::optional<Searcher> searcher_;
};

}  // namespace hashmatch
