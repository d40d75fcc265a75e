// Runs one task per thread and hands on the first error.
#pragma once

#include <functional>

namespace hashmatch {

// Calls task(0) ... task(n - 1), each on a thread of its own (the first on the caller's), and returns
// when all have ended; rethrows the first exception any of them threw.
void run_threads(int n, const std::function<void(int)>& task);

}  // namespace hashmatch
