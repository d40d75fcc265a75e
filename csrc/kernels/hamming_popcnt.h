// Whole-code distances with the POPCNT instruction, shared by every x86-64 kernel that has it.
#pragma once
#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>

namespace hashmatch {

void hamming_distances_popcnt(const uint8_t* codes, size_t n, int n_bytes, const uint8_t* query, uint16_t* distances);

}  // namespace hashmatch
#endif
