// Settles which postings are matches: reaches their codes in memory together, compares them whole,
// and lets each row of a query through once, however many tables lead to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/tables.h"
#include "kernels/dispatch.h"

namespace hashmatch {

// A query as the tables are asked for it.
struct Probed {
    const uint8_t* code;
    int64_t number;         // what hits carry as their query
    const int* thresholds;  // one per part
};

// Bits in which a sketch may differ when the part before it differs in `flips` bits: the first two
// links of a chain that a code within the radius cannot break for every part at once (pigeonring
// principle, Qin and Xiao, PVLDB 12(1), 2018).
inline int sketch_limit(const int* thresholds, int n_parts, int part, int flips) {
    return thresholds[part] + thresholds[part + 1 < n_parts ? part + 1 : 0] + 1 - flips;
}

// Bits in which a second sketch may differ: the third link. `left` is what the second link left, the limit
// of the first sketch less the bits in which it differs.
inline int second_sketch_limit(const int* thresholds, int n_parts, int part, int left) {
    return left + thresholds[(part + 2) % n_parts] + 1;
}

// Ones in each byte, for every instruction set alike.
struct BitCounts {
    uint8_t of[256];
    constexpr BitCounts() : of{} {
        for (int byte = 1; byte < 256; ++byte) of[byte] = static_cast<uint8_t>(of[byte / 2] + byte % 2);
    }
};
inline constexpr BitCounts kBitCounts;

// Ones in 16 bits.
inline int count_bits(unsigned bits) { return kBitCounts.of[bits & 255] + kBitCounts.of[bits >> 8]; }

// A posting passes stations: its second sketch is compared, where there are any; its row is read; its code is
// compared. Each station takes a batch at a time and asks memory for what the next will need of it, in a loop
// so short that the processor has many requests under way, for most of them must look an address up first.
class Verifier {
  public:
    Verifier(const Codes& codes, const Tables& tables, int radius, Hits& hits)
        : codes_(codes), tables_(tables), kernel_(*active_kernel().hamming), radius_(radius), hits_(hits) {}

    // A posting of `part` that passed the test of its second sketch, too, where there are any. It is settled
    // later, after those added before it; what the query points to must last until then.
    void add(const Probed& query, int part, const uint32_t* posting) {
        pending_[n_added_ % kPending] = {query, posting, part, 0};
        if (++n_added_ % kBatch == 0) advance_pending();
    }

    // A posting at `place` in all tables that passed the test of its first sketch alone; `sketch` is what
    // the query has for the second, `limit` the bits in which they may differ.
    void add_after_second(const Probed& query, int part, int64_t place, uint8_t sketch, int limit) {
        waiting_[n_waited_ % kWaiting] = {query, place, part, sketch, static_cast<int8_t>(std::min(limit, 127))};
        if (++n_waited_ % kBatch == 0) advance_waiting();
    }

    // Settles everything added so far. To be called before the hits are read.
    void settle();

  private:
    static constexpr size_t kBatch = 32;
    // Of each ring: a batch that fills up, and those under way.
    static constexpr size_t kWaiting = 2 * kBatch, kPending = 4 * kBatch;  // powers of two
    struct Pending {
        Probed query;
        const uint32_t* posting;
        int part;
        int64_t row;
    };

    struct Waiting {
        Probed query;
        int64_t place;
        int part;
        uint8_t sketch;
        int8_t limit;
    };

    // Every posting goes one station further.
    void advance_waiting();
    void advance_pending();
    void test_second(const Waiting& waiting);
    void read_row(Pending& pending) const;
    void settle(const Pending& pending);
    bool found_first_by(const Pending& pending, const uint8_t* code) const;

    const Codes& codes_;
    const Tables& tables_;
    const HammingKernels& kernel_;
    const int radius_;
    Hits& hits_;
    Waiting waiting_[kWaiting];
    size_t n_waited_ = 0, n_sought_ = 0, n_tested_ = 0;
    Pending pending_[kPending];
    size_t n_added_ = 0, n_asked_ = 0, n_read_ = 0, n_settled_ = 0;
};

}  // namespace hashmatch
