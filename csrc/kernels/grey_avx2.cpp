#if defined(__x86_64__)
#include "kernels/grey_kernels.h"

namespace hashmatch {
namespace {

#define HM_TARGET __attribute__((target("avx2")))
#include "kernels/grey_loops.h"

}  // namespace

const GreyKernels kGreyAvx2 = {grey_of_rgb, weigh, add_weighed};

}  // namespace hashmatch
#endif
