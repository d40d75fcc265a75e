#include "hamming/verifier.h"

namespace hashmatch {

void Verifier::advance_waiting() {
    const size_t test_end = n_sought_;
    for (; n_sought_ < n_waited_; ++n_sought_) prefetch(tables_.sketches2 + waiting_[n_sought_ % kWaiting].place);
    while (n_tested_ < test_end) test_second(waiting_[n_tested_++ % kWaiting]);
}

void Verifier::advance_pending() {
    const size_t settle_end = n_read_, read_end = n_asked_;
    for (; n_asked_ < n_added_; ++n_asked_) prefetch(pending_[n_asked_ % kPending].posting);
    while (n_read_ < read_end) read_row(pending_[n_read_++ % kPending]);
    while (n_settled_ < settle_end) settle(pending_[n_settled_++ % kPending]);
}

void Verifier::settle() {
    while (n_tested_ < n_waited_) advance_waiting();
    while (n_settled_ < n_added_) advance_pending();
}

void Verifier::test_second(const Waiting& waiting) {
    const unsigned differing = tables_.sketches2[waiting.place] ^ waiting.sketch;
    if (kBitCounts.of[differing] <= waiting.limit) add(waiting.query, waiting.part, tables_.postings + waiting.place);
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
    kernel_.distances(code, 1, codes_.n_bytes, pending.query.code, &distance);
    if (distance <= radius_ && found_first_by(pending, code))
        hits_.push_back({pending.query.number, pending.row, distance});
}

// True where no earlier part leads from the query to this code.
bool Verifier::found_first_by(const Pending& pending, const uint8_t* code) const {
    if (pending.part == 0) return true;
    PartCutter::Differences bits;
    tables_.cutter.differences(code, pending.query.code, bits);
    const int n_parts = tables_.layout.n_parts;
    const int* thresholds = pending.query.thresholds;
    for (int part = 0; part < pending.part; ++part) {
        if (bits.key[part] > thresholds[part]) continue;
        const int left = sketch_limit(thresholds, n_parts, part, bits.key[part]) - bits.sketch[(part + 1) % n_parts];
        if (left < 0) continue;
        if (!tables_.sketches2 ||
            bits.second_sketch[(part + 2) % n_parts] <= second_sketch_limit(thresholds, n_parts, part, left))
            return false;
    }
    return true;
}

}  // namespace hashmatch
