#include "hamming/verifier.h"

namespace hashmatch {

void Verifier::advance_waiting() {
    const size_t test_end = n_prefetched_;
    for (; n_prefetched_ < n_waited_; ++n_prefetched_)
        prefetch(tables_.sketches2 + waiting_[n_prefetched_ % kWaiting].place);
    while (n_tested_ < test_end) test_second(waiting_[n_tested_++ % kWaiting]);
}

void Verifier::advance_pending() {
    const size_t settle_end = n_read_, read_end = n_requested_;
    for (; n_requested_ < n_added_; ++n_requested_) prefetch(pending_[n_requested_ % kPending].posting);
    while (n_read_ < read_end) read_row(pending_[n_read_++ % kPending]);
    while (n_settled_ < settle_end) settle(pending_[n_settled_++ % kPending]);
}

void Verifier::settle() {
    while (n_tested_ < n_waited_) advance_waiting();
    while (n_settled_ < n_added_) advance_pending();
}

void Verifier::test_second(const Waiting& waiting) {
    const unsigned differing = tables_.sketches2[waiting.place] ^ waiting.sketch;
    if (kBitCounts.of[differing] <= waiting.limit)
        add(waiting.query, waiting.substring, tables_.postings + waiting.place);
}

void Verifier::read_row(Pending& pending) const {
    pending.row = *pending.posting;
    if (pending.row >= codes_.n) return;  // a damaged table
    prefetch(codes_.code(pending.row));
    prefetch(pending.query.code);
}

void Verifier::settle(const Pending& pending) {
    if (pending.row >= codes_.n) return;
    const uint8_t* code = codes_.code(pending.row);
    uint16_t distance;
    ops_.distances(code, 1, codes_.n_bytes, pending.query.code, &distance);
    if (distance <= radius_ && found_first_by(pending, code))
        hits_.push_back({pending.query.number, pending.row, distance});
}

// Returns whether no earlier substring leads from the query to this code.
bool Verifier::found_first_by(const Pending& pending, const uint8_t* code) const {
    if (pending.substring == 0) return true;
    SubstringCutter::Differences bits;
    tables_.cutter.differences(code, pending.query.code, bits);
    const int n_substrings = tables_.layout.n_substrings;
    const int* thresholds = pending.query.thresholds;
    for (int substring = 0; substring < pending.substring; ++substring) {
        if (bits.key[substring] > thresholds[substring]) continue;
        const int left = sketch_limit(thresholds, n_substrings, substring, bits.key[substring]) -
                         bits.sketch[(substring + 1) % n_substrings];
        if (left < 0) continue;
        if (!tables_.sketches2 || bits.second_sketch[(substring + 2) % n_substrings] <=
                                      second_sketch_limit(thresholds, n_substrings, substring, left))
            return false;
    }
    return true;
}

}  // namespace hashmatch
