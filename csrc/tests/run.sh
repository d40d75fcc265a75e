#!/usr/bin/env bash
# Builds the native tests and runs them.
#   csrc/tests/run.sh            for this machine
#   csrc/tests/run.sh sanitize   for this machine, under AddressSanitizer and UndefinedBehaviorSanitizer
#   csrc/tests/run.sh neon       for aarch64, under qemu-user where this machine is another
# Further arguments go to the program: the number of rounds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

way=${1:-native}
shift || true
compiler=${CXX:-g++}
flags=(-std=c++17 -O2 -ffp-contract=off -Wall -Wextra -Werror -Icsrc)
runner=()
case $way in
    native) ;;
    sanitize) flags+=(-g -fsanitize=address,undefined -fno-sanitize-recover=all) ;;
    neon)
        if [[ $(uname -m) != aarch64 ]]; then
            compiler=aarch64-linux-gnu-g++ # Debian: g++-aarch64-linux-gnu, qemu-user
            flags+=(-static)
            runner=(qemu-aarch64)
        fi
        ;;
    *)
        echo "usage: $0 [native|sanitize|neon] [ROUNDS]" >&2
        exit 2
        ;;
esac

folder=build/native-tests/$way
mkdir -p "$folder"
"$compiler" "${flags[@]}" csrc/tests/kernels_test.cpp csrc/kernels/hamming_*.cpp -o "$folder/kernels_test"
"${runner[@]}" "$folder/kernels_test" "$@"
