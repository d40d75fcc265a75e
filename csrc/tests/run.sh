#!/usr/bin/env bash
# Builds the native tests and runs them.
#   csrc/tests/run.sh            for this machine
#   csrc/tests/run.sh sanitize   for this machine, under AddressSanitizer and UndefinedBehaviorSanitizer
#   csrc/tests/run.sh threads    for this machine, under ThreadSanitizer: the test with threads only
#   csrc/tests/run.sh neon       for aarch64, under qemu-user on any other machine
#   csrc/tests/run.sh evidence   builds build/native-tests/evidence/pdq_evidence.so for the Python tests
# A further argument is passed to every test: the number of rounds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD

mode=${1:-native}
shift || true
compiler=${CXX:-g++}
flags=(-std=c++20 -O2 -ffp-contract=off -Wall -Wextra -Werror "-I$root/csrc" -pthread)
link=()
floors=(kernels image hash hamming)
tests=(kernels image hash pdq thresholds search threads)
runner=()
case $mode in
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
    evidence)
        flags+=(-fPIC)
        floors=(kernels hash)
        tests=()
        ;;
    *)
        echo "usage: $0 [native|sanitize|threads|neon|evidence] [ROUNDS]" >&2
        exit 2
        ;;
esac

folder=build/native-tests/$mode
rm -rf "$folder"
mkdir -p "$folder"
# Objects are written to the current folder, named after their sources.
(
    cd "$folder"
    find "${floors[@]/#/$root/csrc/}" -name '*.cpp' |
        xargs -P "$(nproc)" -n 3 "$compiler" "${flags[@]}" -c
)
if [[ $mode == evidence ]]; then
    "$compiler" "${flags[@]}" -shared csrc/tests/pdq_evidence.cpp "$folder"/*.o -o "$folder/pdq_evidence.so"
fi
for test in "${tests[@]/%/_test}"; do
    "$compiler" "${flags[@]}" "${link[@]}" "csrc/tests/$test.cpp" "$folder"/*.o -o "$folder/$test"
    "${runner[@]}" "$folder/$test" "$@"
done
