// Verification of candidate postings: reads their codes in overlapped batches, compares them whole, and reports
// each row of a query once, however many tables lead to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/tables.h"
#include "kernels/dispatch.h"

namespace hashmatch {

// A query, as it is probed for in the tables.
struct ProbeQuery {
    const uint8_t* code;
    int64_t number;         // reported as the query of its hits
    const int* thresholds;  // one per substring
};

// Bits in which a sketch may differ if the substring before it differs in `flips` bits: the first two links
// of a chain that a code within the radius cannot break for every substring at once (pigeonring principle,
// Qin and Xiao, PVLDB 12(1), 2018).
inline int sketch_limit(const int* thresholds, int n_substrings, int substring, int flips) {
    return thresholds[substring] + thresholds[substring + 1 < n_substrings ? substring + 1 : 0] + 1 - flips;
}

// Bits in which a second sketch may differ: the third link. `left` is the limit of the first sketch less the
// bits in which it differs.
inline int second_sketch_limit(const int* thresholds, int n_substrings, int substring, int left) {
    return left + thresholds[(substring + 2) % n_substrings] + 1;
}

// Number of ones in each byte; one table serves every instruction set.
struct BitCounts {
    uint8_t of[256];
    constexpr BitCounts() : of{} {
        for (int byte = 1; byte < 256; ++byte) of[byte] = static_cast<uint8_t>(of[byte / 2] + byte % 2);
    }
};
inline constexpr BitCounts kBitCounts;

// Number of ones in 16 bits.
inline int count_bits(unsigned bits) { return kBitCounts.of[bits & 255] + kBitCounts.of[bits >> 8]; }

// A pipeline of three stages for postings: compare the second sketch, if there is one; read the row; compare the
// code. Each stage handles a batch at a time and prefetches what the next one needs, in a loop short enough for
// the processor to have many requests in flight, most of which also need an address translation.
class Verifier {
  public:
    Verifier(const Codes& codes, const Tables& tables, int radius, Hits& hits)
        : codes_(codes), tables_(tables), ops_(active_kernel().hamming), radius_(radius), hits_(hits) {}

    // Adds a posting of `substring` that passed the tests of all its sketches. It is settled later, after those
    // added before it; the memory that the query points to must stay valid until then.
    void add(const ProbeQuery& query, int substring, const uint32_t* posting) {
        pending_[n_added_ % kPending] = {query, posting, substring, 0};
        if (++n_added_ % kBatch == 0) advance_pending();
    }

    // Adds the posting at `place`, counted over all tables, that passed the test of its first sketch only.
    // `sketch` is the query's second sketch, `limit` the number of bits in which they may differ.
    void add_after_second(const ProbeQuery& query, int substring, int64_t place, uint8_t sketch, int limit) {
        waiting_[n_waited_ % kWaiting] = {query, place, substring, sketch, static_cast<int8_t>(std::min(limit, 127))};
        if (++n_waited_ % kBatch == 0) advance_waiting();
    }

    // Settles everything added so far. Must be called before the hits are read.
    void settle();

  private:
    static constexpr size_t kBatch = 32;
    // Capacity of each ring buffer: the batch being filled, and those in flight.
    static constexpr size_t kWaiting = 2 * kBatch, kPending = 4 * kBatch;  // powers of two
    struct Pending {
        ProbeQuery query;
        const uint32_t* posting;
        int substring;
        int64_t row;
    };

    struct Waiting {
        ProbeQuery query;
        int64_t place;
        int substring;
        uint8_t sketch;
        int8_t limit;
    };

    // Move every posting one stage further.
    void advance_waiting();
    void advance_pending();
    void test_second(const Waiting& waiting);
    void read_row(Pending& pending) const;
    void settle(const Pending& pending);
    bool found_first_by(const Pending& pending, const uint8_t* code) const;

    const Codes& codes_;
    const Tables& tables_;
    const HammingOps& ops_;
    const int radius_;
    Hits& hits_;
    Waiting waiting_[kWaiting];
    size_t n_waited_ = 0, n_prefetched_ = 0, n_tested_ = 0;
    Pending pending_[kPending];
    size_t n_added_ = 0, n_requested_ = 0, n_read_ = 0, n_settled_ = 0;
};

}  // namespace hashmatch
