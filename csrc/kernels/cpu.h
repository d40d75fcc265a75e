// What this CPU and operating system can run.
#pragma once

namespace hashmatch {

#if defined(__x86_64__)
// AVX2 and POPCNT.
inline bool cpu_has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"); }

// AVX-512 F, BW, VL, DQ with VPOPCNTDQ and BITALG (Ice Lake, Zen 4 and later).
inline bool cpu_has_avx512() {
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512bitalg");
}
#endif

}  // namespace hashmatch
