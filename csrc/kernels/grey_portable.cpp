#include "kernels/grey_kernels.h"

namespace hashmatch {
namespace {

#define HM_TARGET
#include "kernels/grey_loops.h"

}  // namespace

const GreyKernels kGreyPortable = {grey_of_rgb, weigh, add_weighed};

}  // namespace hashmatch
