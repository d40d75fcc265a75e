// Resizing of 8-bit grey, equal to Pillow's to the last bit.
#pragma once

#include <cstdint>

namespace hashmatch {

// Resizes grey (height x width) to out (out_height x out_width) as Pillow's
// Image.resize((out_width, out_height), LANCZOS) does: one direction after the other, each rounded to 8
// bits, with weights of 22 bits behind the point. A direction whose size stays is left alone. Rows come
// first; from Pillow 13 on columns do where the height loses more than twice the pixels of the width
// (`tall_first`). Sides are at least 1. The sums are integers, so only the weights come from floating
// point: from doubles in Pillow's order, so that a weight could differ only where another libm gave
// another sine and the weight lay within that error of a half.
void lanczos_resize(const uint8_t* grey, int height, int width, int out_height, int out_width, bool tall_first,
                    uint8_t* out);

}  // namespace hashmatch
