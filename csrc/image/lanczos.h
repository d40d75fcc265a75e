// Lanczos resizing of 8-bit grey, equal to Pillow's to the last bit.
#pragma once

#include <cstdint>

namespace hashmatch {

// Resizes grey (height x width) to out (out_height x out_width) as Pillow's
// Image.resize((out_width, out_height), LANCZOS) does: one direction after the other, each rounded to 8
// bits, with weights of 22 fractional bits. A direction whose size does not change is skipped. Rows are
// resized first; with `tall_first`, the order of Pillow 13 and later, columns are if the height loses
// more than twice as many pixels as the width. Sides are at least 1. Sums are integers, and only the
// weights come from floating point: from doubles in Pillow's order, so that a weight could differ only
// if another libm returned another sine and the weight lay within that error of a half.
void lanczos_resize(const uint8_t* grey, int height, int width, int out_height, int out_width, bool tall_first,
                    uint8_t* out);

}  // namespace hashmatch
