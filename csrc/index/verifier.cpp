#include "index/verifier.h"

namespace hashmatch {

void Verifier::settle() {
    while (n_tested_ < n_waited_) test_second(waiting_[n_tested_++ % kApart]);
    while (n_read_ < n_added_) read_row(pending_[n_read_++ % kPending]);
    while (n_settled_ < n_added_) settle(pending_[n_settled_++ % kPending]);
}

void Verifier::read_row(Pending& pending) const {
    pending.row = *pending.posting;
    if (pending.row >= codes_.n) return;  // a damaged table
    __builtin_prefetch(codes_.code(pending.row), 0, 2);
    __builtin_prefetch(pending.query.code, 0, 2);
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
