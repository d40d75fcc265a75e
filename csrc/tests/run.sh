#!/usr/bin/env bash
# Builds the native tests and runs them.
#   csrc/tests/run.sh            for this machine
#   csrc/tests/run.sh sanitize   for this machine, under AddressSanitizer and UndefinedBehaviorSanitizer
#   csrc/tests/run.sh threads    for this machine, under ThreadSanitizer: the test with threads alone
#   csrc/tests/run.sh neon       for aarch64, under qemu-user where this machine is another
# A further argument goes to every program: the number of rounds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD

way=${1:-native}
shift || true
compiler=${CXX:-g++}
flags=(-std=c++17 -O2 -ffp-contract=off -Wall -Wextra -Werror "-I$root/csrc" -pthread)
link=()
tests=(kernels pdq index threads)
runner=()
case $way in
    native) ;;
    sanitize) flags+=(-g -fsanitize=address,undefined -fno-sanitize-recover=all) ;;
    threads)
        flags+=(-g -fsanitize=thread)
        tests=(threads)
        ;;
    neon)
        if [[ $(uname -m) != aarch64 ]]; then
            compiler=aarch64-linux-gnu-g++ # Debian: g++-aarch64-linux-gnu, qemu-user
            link+=(-static)
            runner=(qemu-aarch64)
        fi
        ;;
    *)
        echo "usage: $0 [native|sanitize|threads|neon] [ROUNDS]" >&2
        exit 2
        ;;
esac

folder=build/native-tests/$way
rm -rf "$folder"
mkdir -p "$folder"
# Objects land in the current folder under their sources' own names.
(
    cd "$folder"
    find "$root"/csrc/{kernels,hash,hamming} -name '*.cpp' |
        xargs -P "$(nproc)" -n 3 "$compiler" "${flags[@]}" -c
)
for test in "${tests[@]/%/_test}"; do
    "$compiler" "${flags[@]}" "${link[@]}" "csrc/tests/$test.cpp" "$folder"/*.o -o "$folder/$test"
    "${runner[@]}" "$folder/$test" "$@"
done
