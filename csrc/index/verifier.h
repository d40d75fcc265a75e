// Settles which postings are matches: reaches their codes in memory together, compares them whole,
// and lets each row of a query through once, however many tables lead to it.
#pragma once

#include <cstdint>

#include "index/codes.h"
#include "index/hits.h"
#include "index/tables.h"
#include "kernels/dispatch.h"

namespace hashmatch {

// A query as the tables are asked for it.
struct Probed {
    const uint8_t* code;
    int64_t number;         // what hits carry as their query
    const int* thresholds;  // one per part
};

// A posting passes two stations, each some postings after the one before, so that what it needs has come
// from memory meanwhile: its row is read and the code there asked for; its code is compared.
class Verifier {
  public:
    Verifier(const Codes& codes, const Tables& tables, int radius, Hits& hits)
        : codes_(codes), tables_(tables), kernel_(*active_kernel().hamming), radius_(radius), hits_(hits) {}

    // A posting of `part` that passed the sketch test. Its row is settled later, those of others added
    // before it first; what the query points to must last until then.
    void add(const Probed& query, int part, const uint32_t* posting) {
        __builtin_prefetch(posting, 0, 2);
        pending_[n_added_ % kPending] = {query, posting, part, 0};
        ++n_added_;
        if (n_added_ - n_read_ > kApart) read_row(pending_[n_read_++ % kPending]);
        if (n_added_ - n_settled_ == kPending) settle(pending_[n_settled_++ % kPending]);
    }

    // Settles everything added so far. To be called before the hits are read.
    void settle();

  private:
    static constexpr size_t kApart = 64;
    static constexpr size_t kPending = 2 * kApart;  // a power of two
    struct Pending {
        Probed query;
        const uint32_t* posting;
        int part;
        int64_t row;
    };

    void read_row(Pending& pending) const;
    void settle(const Pending& pending);
    bool found_first_by(const Pending& pending, const uint8_t* code) const;

    const Codes& codes_;
    const Tables& tables_;
    const HammingKernels& kernel_;
    const int radius_;
    Hits& hits_;
    Pending pending_[kPending];
    size_t n_added_ = 0, n_read_ = 0, n_settled_ = 0;
};

// Bits in which a sketch may differ when the part before it differs in `flips` bits: the first two
// links of a chain that a code within the radius cannot break for every part at once (pigeonring
// principle, Qin and Xiao, PVLDB 12(1), 2018).
inline int sketch_limit(const int* thresholds, int n_parts, int part, int flips) {
    return thresholds[part] + thresholds[part + 1 < n_parts ? part + 1 : 0] + 1 - flips;
}

}  // namespace hashmatch
