#include "image/grey.h"

#include "kernels/dispatch.h"

namespace hashmatch {

void grey_of_rgb(const uint8_t* rgb, size_t n, uint8_t* grey) { active_kernel().grey.grey_of_rgb(rgb, n, grey); }

}  // namespace hashmatch
