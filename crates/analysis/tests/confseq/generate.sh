#!/bin/sh
# Writes the golden table to standard output: downloads the source of confseq 0.0.11 from PyPI into the folder $1,
# and builds golden.cpp with it. Needs g++ and the headers of Boost's mathematics (Debian: libboost-dev, or a
# folder that holds them in $BOOST).
#   sh crates/analysis/tests/confseq/generate.sh target/confseq > crates/analysis/tests/confseq/golden.txt
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
if [ ! -f "$1/confseq-0.0.11/src/confseq/uniform_boundaries.h" ]; then
    python3 -m pip download --quiet --no-deps --dest "$1" confseq==0.0.11 >&2
    tar -xzf "$1/confseq-0.0.11.tar.gz" -C "$1"
fi
g++ -O1 -std=c++14 -I "${BOOST:-/usr/include}" -I "$1/confseq-0.0.11/src/confseq" "$here/golden.cpp" -o "$1/golden.new"
mv "$1/golden.new" "$1/golden"
"$1/golden"
