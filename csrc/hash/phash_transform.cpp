#include "hash/phash_transform.h"

#include <array>
#include <cmath>

namespace hashmatch {
namespace {

constexpr int kN = kPhashSide;
constexpr double kSqrt2 = 1.414213562373095048801688724209698;

struct Angle {
    double cos, sin;
};

// cos and sin of 2 pi index / n for 0 <= index <= n / 2, each a product of two values as in pocketfft's
// tables: `fine` of multiples below 2^shift, `coarse` of multiples of 2^shift.
class Angles {
  public:
    explicit Angles(int n) : n_(n) {
        const int n_values = (n + 2) / 2;
        while ((1 << shift_) * (1 << shift_) < n_values) ++shift_;
    }

    Angle operator[](int index) const {
        const Angle fine = exact(index & ((1 << shift_) - 1)), coarse = exact(index >> shift_ << shift_);
        return {fine.cos * coarse.cos - fine.sin * coarse.sin, fine.cos * coarse.sin + fine.sin * coarse.cos};
    }

  private:
    // Maps each octant to the first, where sine and cosine are most accurate.
    Angle exact(int index) const {
        const double unit = static_cast<double>(0.25L * 3.141592653589793238462643383279502884197L / n_);
        if (index == 0) return {1.0, 0.0};
        int eighth = 8 * index;
        const auto cos = [&](int i) { return std::cos(i * unit); };
        const auto sin = [&](int i) { return std::sin(i * unit); };
        if (eighth < 2 * n_) {
            if (eighth < n_) return {cos(eighth), sin(eighth)};
            return {sin(2 * n_ - eighth), cos(2 * n_ - eighth)};
        }
        eighth -= 2 * n_;
        if (eighth < n_) return {-sin(eighth), cos(eighth)};
        return {-cos(2 * n_ - eighth), sin(2 * n_ - eighth)};
    }

    int n_;
    int shift_ = 1;
};

struct Twiddles {
    std::array<double, kN> cosine;      // for the DCT: cos(pi (i + 1) / 64)
    std::array<double, 1 * 15> by_two;  // for the pass of factor 2
    std::array<double, 3 * 3> by_four;  // for the first pass of factor 4
    Twiddles() {
        const Angles quarter(4 * kN), whole(kN);
        for (int i = 0; i < kN; ++i) cosine[i] = quarter[i + 1].cos;
        fill(whole, 2, 1, 16, by_two.data());
        fill(whole, 4, 2, 4, by_four.data());
    }

  private:
    static void fill(const Angles& angles, int factor, int before, int inner, double* out) {
        for (int j = 1; j < factor; ++j) {
            for (int i = 1; i <= (inner - 1) / 2; ++i) {
                const Angle angle = angles[j * before * i];
                out[(j - 1) * (inner - 1) + 2 * i - 2] = angle.cos;
                out[(j - 1) * (inner - 1) + 2 * i - 1] = angle.sin;
            }
        }
    }
};

// (a, b) = (c + d, c - d)
void plus_minus(double& a, double& b, double c, double d) {
    a = c + d;
    b = c - d;
}

// (a, b) = (c e + d f, c f - d e)
void turn(double& a, double& b, double c, double d, double e, double f) {
    a = c * e + d * f;
    b = c * f - d * e;
}

// One pass of the backward real transform of factor 2, over kBefore groups.
template <int kInner, int kBefore>
void pass_two(const double* in, double* out, const double* twiddles) {
    const auto c = [&](int i, int b, int k) -> const double& { return in[i + kInner * (b + 2 * k)]; };
    const auto h = [&](int i, int k, int b) -> double& { return out[i + kInner * (k + kBefore * b)]; };
    for (int k = 0; k < kBefore; ++k) {
        plus_minus(h(0, k, 0), h(0, k, 1), c(0, 0, k), c(kInner - 1, 1, k));
        h(kInner - 1, k, 0) = 2 * c(kInner - 1, 0, k);
        h(kInner - 1, k, 1) = -2 * c(0, 1, k);
        for (int i = 2; i < kInner; i += 2) {
            const int j = kInner - i;
            double re, im;
            plus_minus(h(i - 1, k, 0), re, c(i - 1, 0, k), c(j - 1, 1, k));
            plus_minus(im, h(i, k, 0), c(i, 0, k), c(j, 1, k));
            turn(h(i, k, 1), h(i - 1, k, 1), twiddles[i - 2], twiddles[i - 1], im, re);
        }
    }
}

// The same for factor 4. kInner is even or 1.
template <int kInner, int kBefore>
void pass_four(const double* in, double* out, const double* twiddles) {
    const auto c = [&](int i, int b, int k) -> const double& { return in[i + kInner * (b + 4 * k)]; };
    const auto h = [&](int i, int k, int b) -> double& { return out[i + kInner * (k + kBefore * b)]; };
    const auto w = [&](int b, int i) { return twiddles[i + b * (kInner - 1)]; };
    for (int k = 0; k < kBefore; ++k) {
        double tr1, tr2, ti1, ti2;
        plus_minus(tr2, tr1, c(0, 0, k), c(kInner - 1, 3, k));
        plus_minus(h(0, k, 0), h(0, k, 2), tr2, 2 * c(kInner - 1, 1, k));
        plus_minus(h(0, k, 3), h(0, k, 1), tr1, 2 * c(0, 2, k));
        if (kInner % 2 == 0) {
            plus_minus(ti1, ti2, c(0, 3, k), c(0, 1, k));
            plus_minus(tr2, tr1, c(kInner - 1, 0, k), c(kInner - 1, 2, k));
            h(kInner - 1, k, 0) = tr2 + tr2;
            h(kInner - 1, k, 1) = kSqrt2 * (tr1 - ti1);
            h(kInner - 1, k, 2) = ti2 + ti2;
            h(kInner - 1, k, 3) = -kSqrt2 * (tr1 + ti1);
        }
        for (int i = 2; i < kInner; i += 2) {
            const int j = kInner - i;
            double tr3, tr4, ti3, ti4, cr2, cr3, cr4, ci2, ci3, ci4;
            plus_minus(tr2, tr1, c(i - 1, 0, k), c(j - 1, 3, k));
            plus_minus(ti1, ti2, c(i, 0, k), c(j, 3, k));
            plus_minus(tr4, ti3, c(i, 2, k), c(j, 1, k));
            plus_minus(tr3, ti4, c(i - 1, 2, k), c(j - 1, 1, k));
            plus_minus(h(i - 1, k, 0), cr3, tr2, tr3);
            plus_minus(h(i, k, 0), ci3, ti2, ti3);
            plus_minus(cr4, cr2, tr1, tr4);
            plus_minus(ci2, ci4, ti1, ti4);
            turn(h(i, k, 1), h(i - 1, k, 1), w(0, i - 2), w(0, i - 1), ci2, cr2);
            turn(h(i, k, 2), h(i - 1, k, 2), w(1, i - 2), w(1, i - 1), ci3, cr3);
            turn(h(i, k, 3), h(i - 1, k, 3), w(2, i - 2), w(2, i - 1), ci4, cr4);
        }
    }
}

// DCT-II of 32 values in place, unnormalised.
void cosine_transform(double* c, const Twiddles& twiddles) {
    double scratch[kN];
    c[0] *= 2;
    c[kN - 1] *= 2;
    for (int k = 1; k < kN - 1; k += 2) {
        const double before = c[k + 1];
        c[k + 1] -= c[k];
        c[k] += before;
    }
    pass_two<16, 1>(c, scratch, twiddles.by_two.data());
    pass_four<4, 2>(scratch, c, twiddles.by_four.data());
    pass_four<1, 8>(c, scratch, nullptr);
    for (int k = 1, j = kN - 1; k < kN / 2; ++k, --j) {
        const double t1 = twiddles.cosine[k - 1] * scratch[j] + twiddles.cosine[j - 1] * scratch[k];
        const double t2 = twiddles.cosine[k - 1] * scratch[k] - twiddles.cosine[j - 1] * scratch[j];
        c[k] = 0.5 * (t1 + t2);
        c[j] = 0.5 * (t1 - t2);
    }
    c[0] = scratch[0];
    c[kN / 2] = scratch[kN / 2] * twiddles.cosine[kN / 2 - 1];
}

}  // namespace

void phash_transform(const uint8_t* grey, double* low) {
    static const Twiddles twiddles;
    double columns[kPhashBand][kN];  // the lowest coefficients of every column
    double line[kN];
    for (int x = 0; x < kN; ++x) {
        for (int y = 0; y < kN; ++y) line[y] = grey[y * kN + x];
        cosine_transform(line, twiddles);
        for (int k = 0; k < kPhashBand; ++k) columns[k][x] = line[k];
    }
    for (int k = 0; k < kPhashBand; ++k) {
        cosine_transform(columns[k], twiddles);
        for (int x = 0; x < kPhashBand; ++x) low[k * kPhashBand + x] = columns[k][x];
    }
}

}  // namespace hashmatch
