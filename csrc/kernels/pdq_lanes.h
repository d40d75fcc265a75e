// PdqOps for any register width, in the compiler's vector types. A kernel includes this inside its
// unnamed namespace, after defining
//   HM_LANES   floats per register
//   HM_TARGET  the function attribute that names the instruction set
//   HM_TILE    side of the tiles that its own transpose_tile() handles: 8 or 4
// No #pragma once: the text is compiled once per kernel.

typedef float Lanes __attribute__((vector_size(4 * HM_LANES)));
// The same, at any address.
typedef float LooseLanes __attribute__((vector_size(4 * HM_LANES), aligned(4), may_alias));

#define HM_LOAD(from) (*reinterpret_cast<const LooseLanes*>(from))
#define HM_STORE(to, lanes) (*reinterpret_cast<LooseLanes*>(to) = (lanes))

HM_TARGET void weigh_u8_plain(const uint8_t* rows, size_t stride, const int16_t* weights, int n_rows, size_t n,
                              float* out) {
    constexpr size_t kBlock = 32;
    for (size_t begin = 0; begin < n; begin += kBlock) {
        const size_t width = n - begin < kBlock ? n - begin : kBlock;
        int32_t sums[kBlock] = {};
        for (int k = 0; k < n_rows; ++k) {
            const uint8_t* row = rows + k * stride + begin;
            for (size_t c = 0; c < width; ++c) sums[c] += weights[k] * row[c];
        }
        for (size_t c = 0; c < width; ++c) out[begin + c] = static_cast<float>(sums[c]);
    }
}

HM_TARGET void weigh_f32(const float* rows, size_t stride, const float* weights, int n_rows, size_t n, float* out) {
    size_t c = 0;
    for (; c + 4 * HM_LANES <= n; c += 4 * HM_LANES) {
        Lanes sum0 = {}, sum1 = {}, sum2 = {}, sum3 = {};
        const float* row = rows + c;
        for (int k = 0; k < n_rows; ++k, row += stride) {
            const Lanes weight = Lanes{} + weights[k];
            sum0 += weight * HM_LOAD(row);
            sum1 += weight * HM_LOAD(row + HM_LANES);
            sum2 += weight * HM_LOAD(row + 2 * HM_LANES);
            sum3 += weight * HM_LOAD(row + 3 * HM_LANES);
        }
        HM_STORE(out + c, sum0);
        HM_STORE(out + c + HM_LANES, sum1);
        HM_STORE(out + c + 2 * HM_LANES, sum2);
        HM_STORE(out + c + 3 * HM_LANES, sum3);
    }
    for (; c + HM_LANES <= n; c += HM_LANES) {
        Lanes sum = {};
        const float* row = rows + c;
        for (int k = 0; k < n_rows; ++k, row += stride) sum += (Lanes{} + weights[k]) * HM_LOAD(row);
        HM_STORE(out + c, sum);
    }
    for (; c < n; ++c) {
        float sum = 0.0f;
        for (int k = 0; k < n_rows; ++k) sum += weights[k] * rows[k * stride + c];
        out[c] = sum;
    }
}

HM_TARGET void mix_rgb(const float* rgb, size_t n, float* luma) {
    for (size_t c = 0; c < n; ++c) luma[c] = (299.0f * rgb[3 * c] + 587.0f * rgb[3 * c + 1]) + 114.0f * rgb[3 * c + 2];
}

HM_TARGET void luma_of_u8(const uint8_t* bytes, size_t n, float* luma) {
    for (size_t c = 0; c < n; ++c) luma[c] = bytes[c];
}

HM_TARGET void luma_of_rgb(const uint8_t* rgb, size_t n, float* luma) {
    for (size_t c = 0; c < n; ++c) {
        const int thousandths = 299 * rgb[3 * c] + 587 * rgb[3 * c + 1] + 114 * rgb[3 * c + 2];
        luma[c] = static_cast<float>(thousandths) / 1000.0f;
    }
}

// Writes the transpose of HM_TILE x HM_TILE floats. Defined by the kernel.
HM_TARGET void transpose_tile(const float* from, size_t from_stride, float* to, size_t to_stride);

HM_TARGET void to_columns(const float* rows, size_t stride, size_t n, float* columns) {
    size_t c = 0;
    for (; c + HM_TILE <= n; c += HM_TILE)
        for (size_t r = 0; r < kBandRows; r += HM_TILE)
            transpose_tile(rows + r * stride + c, stride, columns + c * kBandRows + r, kBandRows);
    for (; c < n; ++c)
        for (size_t r = 0; r < kBandRows; ++r) columns[c * kBandRows + r] = rows[r * stride + c];
}

HM_TARGET void from_columns(const float* columns, size_t n, float* rows, size_t stride) {
    size_t c = 0;
    for (; c + HM_TILE <= n; c += HM_TILE)
        for (size_t r = 0; r < kBandRows; r += HM_TILE)
            transpose_tile(columns + c * kBandRows + r, kBandRows, rows + r * stride + c, stride);
    for (; c < n; ++c)
        for (size_t r = 0; r < kBandRows; ++r) rows[r * stride + c] = columns[c * kBandRows + r];
}

// The reciprocal of a power of two is exact, and multiplication is faster than division.
inline bool has_exact_reciprocal(size_t count) { return (count & (count - 1)) == 0; }

// Divides n values, a multiple of HM_LANES.
HM_TARGET inline void divide(float* values, size_t n, size_t count) {
    const float divisor = static_cast<float>(count), reciprocal = 1.0f / divisor;
    if (has_exact_reciprocal(count)) {
        for (size_t i = 0; i < n; i += HM_LANES) HM_STORE(values + i, HM_LOAD(values + i) * reciprocal);
    } else {
        for (size_t i = 0; i < n; i += HM_LANES) HM_STORE(values + i, HM_LOAD(values + i) / divisor);
    }
}

// Transposes HM_TILE columns of a band and advances the running sums of its rows over them. `columns`
// is the place of the first one, preceded by the columns of one window; `sums` receives HM_TILE columns.
HM_TARGET __attribute__((always_inline)) inline void sum_tile(const float* rows, size_t stride, size_t window,
                                                              Lanes* running, float* columns, float* sums) {
    for (size_t r = 0; r < kBandRows; r += HM_TILE) transpose_tile(rows + r * stride, stride, columns + r, kBandRows);
    for (size_t k = 0; k < HM_TILE; ++k)
        for (size_t part = 0; part < kBandRows / HM_LANES; ++part) {
            const float* in = columns + k * kBandRows + part * HM_LANES;
            running[part] = (running[part] + HM_LOAD(in)) - HM_LOAD(in - window * kBandRows);
            HM_STORE(sums + k * kBandRows + part * HM_LANES, running[part]);
        }
}

HM_TARGET void box_sums(const float* rows, size_t stride, size_t n, size_t window, float* columns, float* sums) {
    __builtin_memset(columns, 0, window * kBandRows * sizeof(float));
    Lanes running[kBandRows / HM_LANES] = {};
    for (size_t t = 0; t < n + window / 2; t += HM_TILE)
        sum_tile(rows + t, stride, window, running, columns + (window + t) * kBandRows, sums + t * kBandRows);
}

HM_TARGET void box_rows(const float* rows, size_t stride, size_t n, size_t window, float* columns, float* means,
                        size_t means_stride) {
    const size_t right = window / 2;
    __builtin_memset(columns, 0, window * kBandRows * sizeof(float));
    Lanes running[kBandRows / HM_LANES] = {};
    float tile[HM_TILE * kBandRows];
    for (size_t t = 0; t < n + right; t += HM_TILE) {
        sum_tile(rows + t, stride, window, running, columns + (window + t) * kBandRows, tile);
        if (t + 1 >= window && t + HM_TILE <= n) {
            divide(tile, HM_TILE * kBandRows, window);
        } else {
            // Near the edges the window holds fewer pixels; the centre t + k - right may not exist.
            for (size_t k = 0; k < HM_TILE; ++k) {
                const size_t end = t + k < n ? t + k + 1 : n;
                const size_t begin = t + k < window ? 0 : t + k + 1 - window;
                if (begin < end) divide(tile + k * kBandRows, kBandRows, end - begin);
            }
        }
        const ptrdiff_t first = static_cast<ptrdiff_t>(t) - static_cast<ptrdiff_t>(right);
        for (size_t r = 0; r < kBandRows; r += HM_TILE)
            transpose_tile(tile + r, kBandRows, means + r * means_stride + first, means_stride);
    }
}

HM_TARGET void box_step(float* sums, const float* in, const float* out, size_t n, size_t count, float* means) {
    const float divisor = static_cast<float>(count), reciprocal = 1.0f / divisor;
    size_t c = 0;
    if (in && out && has_exact_reciprocal(count)) {
        for (; c + HM_LANES <= n; c += HM_LANES) {
            const Lanes sum = (HM_LOAD(sums + c) + HM_LOAD(in + c)) - HM_LOAD(out + c);
            HM_STORE(sums + c, sum);
            HM_STORE(means + c, sum * reciprocal);
        }
    } else if (in && out) {
        for (; c + HM_LANES <= n; c += HM_LANES) {
            const Lanes sum = (HM_LOAD(sums + c) + HM_LOAD(in + c)) - HM_LOAD(out + c);
            HM_STORE(sums + c, sum);
            HM_STORE(means + c, sum / divisor);
        }
    }
    for (; c < n; ++c) {
        if (in) sums[c] += in[c];
        if (out) sums[c] -= out[c];
        means[c] = sums[c] / divisor;
    }
}

HM_TARGET void multiply_16x64(const float* left, const float* right, size_t n, float* out) {
    for (size_t c = 0; c < n; c += HM_LANES) {
        for (size_t i = 0; i < 16; i += 8) {
            const float* l = left + 64 * i;
            Lanes s0 = {}, s1 = {}, s2 = {}, s3 = {}, s4 = {}, s5 = {}, s6 = {}, s7 = {};
            for (size_t k = 0; k < 64; ++k) {
                const Lanes r = HM_LOAD(right + k * n + c);
                s0 += l[k] * r;
                s1 += l[k + 64] * r;
                s2 += l[k + 128] * r;
                s3 += l[k + 192] * r;
                s4 += l[k + 256] * r;
                s5 += l[k + 320] * r;
                s6 += l[k + 384] * r;
                s7 += l[k + 448] * r;
            }
            float* to = out + i * n + c;
            HM_STORE(to, s0);
            HM_STORE(to + n, s1);
            HM_STORE(to + 2 * n, s2);
            HM_STORE(to + 3 * n, s3);
            HM_STORE(to + 4 * n, s4);
            HM_STORE(to + 5 * n, s5);
            HM_STORE(to + 6 * n, s6);
            HM_STORE(to + 7 * n, s7);
        }
    }
}

// Adds the gradients between n cells and the n cells `step` places further.
HM_TARGET void add_gradients(const float* cells, size_t step, int n, float slack, int* low, int* high) {
    int least = 0, most = 0;
    for (int c = 0; c < n; ++c) {
        // The order of operations is the reference's, so that the integer part is the same.
        const float percent = __builtin_fabsf(((cells[c] - cells[c + step]) * 100.0f) / 255.0f);
        const float below = percent - slack;
        least += below > 0.0f ? static_cast<int>(below) : 0;
        most += static_cast<int>(percent + slack);
    }
    *low += least;
    *high += most;
}

HM_TARGET void gradient_sums(const float* grid, float slack, int* low, int* high) {
    *low = *high = 0;
    for (int row = 0; row < 64; ++row) {
        const float* cells = grid + 64 * row;
        add_gradients(cells, 1, 63, slack, low, high);
        if (row < 63) add_gradients(cells, 64, 64, slack, low, high);
    }
}

HM_TARGET float largest_magnitude(const float* values, size_t n) {
    // As integers, the bits of magnitudes sort like the magnitudes, with NaN above infinity.
    int32_t largest = 0;
    for (size_t i = 0; i < n; ++i) {
        int32_t bits;
        __builtin_memcpy(&bits, values + i, sizeof bits);
        bits &= 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    float magnitude;
    __builtin_memcpy(&magnitude, &largest, sizeof magnitude);
    return magnitude;
}

#undef HM_LOAD
#undef HM_STORE
