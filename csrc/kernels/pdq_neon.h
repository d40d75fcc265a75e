// PdqOps in NEON registers. Included after pdq_lanes.h, in the same way, with HM_TILE 4.

void transpose_tile(const float* from, size_t from_stride, float* to, size_t to_stride) {
    float32x4x4_t rows;
    rows.val[0] = vld1q_f32(from);
    rows.val[1] = vld1q_f32(from + from_stride);
    rows.val[2] = vld1q_f32(from + 2 * from_stride);
    rows.val[3] = vld1q_f32(from + 3 * from_stride);
    float mixed[16];
    vst4q_f32(mixed, rows);  // interleaving transposes
    for (int r = 0; r < 4; ++r) vst1q_f32(to + r * to_stride, vld1q_f32(mixed + 4 * r));
}

// 16 columns whose sums fit in 16 bits and weights in 8.
inline void weigh_narrow(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, float* out) {
    uint16x8_t low = vdupq_n_u16(0), high = low;
    for (int k = 0; k < n_rows; ++k, rows += stride) {
        const uint8x16_t row = vld1q_u8(rows);
        const uint8x8_t weight = vdup_n_u8(static_cast<uint8_t>(weights[k]));
        low = vmlal_u8(low, vget_low_u8(row), weight);
        high = vmlal_u8(high, vget_high_u8(row), weight);
    }
    vst1q_f32(out, vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))));
    vst1q_f32(out + 4, vcvtq_f32_u32(vmovl_u16(vget_high_u16(low))));
    vst1q_f32(out + 8, vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))));
    vst1q_f32(out + 12, vcvtq_f32_u32(vmovl_u16(vget_high_u16(high))));
}

// 8 columns.
inline void weigh_wide(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, float* out) {
    uint32x4_t low = vdupq_n_u32(0), high = low;
    for (int k = 0; k < n_rows; ++k, rows += stride) {
        const uint16x8_t row = vmovl_u8(vld1_u8(rows));
        const uint16_t weight = static_cast<uint16_t>(weights[k]);
        low = vmlal_n_u16(low, vget_low_u16(row), weight);
        high = vmlal_n_u16(high, vget_high_u16(row), weight);
    }
    vst1q_f32(out, vcvtq_f32_u32(low));
    vst1q_f32(out + 4, vcvtq_f32_u32(high));
}

void weigh_u8_neon(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, int total, size_t n,
                   float* out) {
    // If n is not a multiple, the last round overlaps the previous one and rewrites the same values.
    if (n >= 16 && total * 255 <= 0xffff) {
        for (size_t c = 0; c < n; c += 16) {
            const size_t at = c + 16 <= n ? c : n - 16;
            weigh_narrow(rows + at, stride, weights, n_rows, out + at);
        }
    } else if (n >= 8) {
        for (size_t c = 0; c < n; c += 8) {
            const size_t at = c + 8 <= n ? c : n - 8;
            weigh_wide(rows + at, stride, weights, n_rows, out + at);
        }
    } else {
        weigh_u8_plain(rows, stride, weights, n_rows, n, out);
    }
}
