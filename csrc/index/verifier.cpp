#include "index/verifier.h"

namespace hashmatch {

void Verifier::settle() {
    int64_t rows[kPending];
    for (int i = 0; i < n_pending_; ++i) {
        rows[i] = *pending_[i].posting;
        if (rows[i] >= codes_.n) continue;  // a damaged table
        __builtin_prefetch(codes_.code(rows[i]), 0, 2);
        __builtin_prefetch(pending_[i].query.code, 0, 2);
    }
    for (int i = 0; i < n_pending_; ++i) {
        if (rows[i] >= codes_.n) continue;
        const uint8_t* code = codes_.code(rows[i]);
        uint16_t distance;
        kernel_.distances(code, 1, codes_.n_bytes, pending_[i].query.code, &distance);
        if (distance <= radius_ && found_first_by(pending_[i], code))
            hits_.push_back({pending_[i].query.number, rows[i], distance});
    }
    n_pending_ = 0;
}

// True where no earlier part leads from the query to this code.
bool Verifier::found_first_by(const Pending& pending, const uint8_t* code) const {
    int key_bits[kMaxParts], sketch_bits[kMaxParts];
    tables_.cutter.differences(code, pending.query.code, key_bits, sketch_bits);
    const int n_parts = tables_.layout.n_parts;
    const int* thresholds = pending.query.thresholds;
    for (int part = 0; part < pending.part; ++part) {
        if (key_bits[part] > thresholds[part]) continue;
        const int next = part + 1 < n_parts ? part + 1 : 0;
        if (sketch_bits[next] <= sketch_limit(thresholds, n_parts, part, key_bits[part])) return false;
    }
    return true;
}

}  // namespace hashmatch
