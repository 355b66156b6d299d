"""Compares `dhash hash` with Python's imagehash over a folder of images, in one run.

Both sides hash the same chunk of files in turn, each on one core, so that a change in the machine's
load meets both. Times are CPU time (user + system) of the hashing process, file reading included,
start-up included for dhash and excluded for Python. Prints the share of identical hashes, images
per second of each, and their ratio; exits 1 if any hash differs (or the share is below --identical-min).

How to run (one virtual environment per Pillow generation):

    python3 -m venv venv12 && venv12/bin/pip install imagehash pillow==12.0.0
    cargo build --release -p dhash
    venv12/bin/python workloads/dhash/bench/compare.py --dhash target/release/dhash FOLDER

The algorithm is chosen by the Pillow that runs the script; --fast compares the fast mode.
Images for a fair try, on Debian: `apt-get download mate-backgrounds tuxpaint-stamps-default`,
then `dpkg-deb -x PACKAGE.deb FOLDER`.
"""

import argparse
import collections
import os
import resource
import subprocess
import sys
import time

import imagehash
import PIL
from PIL import Image

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".pnm", ".ppm"}
CHUNK_FILES = 20


def list_images(folders, only):
    found = []
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(root, name)
                extension = os.path.splitext(name)[1].lower()
                if extension in (only or EXTENSIONS) and not os.path.islink(path):
                    found.append(path)
    return sorted(found)


def hash_in_python(paths):
    """Hash (or None when Pillow refuses) per path, and the CPU seconds used."""
    start = time.process_time()
    hashes = {}
    for path in paths:
        try:
            with Image.open(path) as image:
                hashes[path] = str(imagehash.dhash(image.convert("RGB")))
        except Exception:
            hashes[path] = None
    return hashes, time.process_time() - start


def hash_in_dhash(binary, algorithm, fast, paths):
    """Hash per path as `dhash hash` prints them, and the CPU seconds used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [binary, "hash", "--jobs", "1", "--algorithm", algorithm]
    command += (["--fast"] if fast else []) + ["--"] + paths
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    hashes = {line[18:]: line[:16] for line in output.splitlines()}
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return hashes, seconds


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--dhash", default="target/release/dhash", help="the dhash binary")
    parser.add_argument("--fast", action="store_true", help="compare the fast mode")
    parser.add_argument("--only", action="append", metavar=".EXT", help="only these extensions")
    parser.add_argument("--rounds", type=int, default=1, help="repeat everything this many times")
    parser.add_argument("--identical-min", type=float, default=1.0, metavar="SHARE")
    parser.add_argument("--verbose", action="store_true", help="list every difference")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    Image.MAX_IMAGE_PIXELS = None
    paths = list_images(arguments.folders, arguments.only)
    if not paths:
        sys.exit("no images found: name a folder that has some")
    newest = int(PIL.__version__.split(".")[0]) >= 13
    algorithm = "imagehash4/pillow13" if newest else "imagehash4/pillow<=12"

    theirs, ours, seconds = {}, {}, [0.0, 0.0]
    for _ in range(arguments.rounds):
        for at in range(0, len(paths), CHUNK_FILES):
            chunk = paths[at : at + CHUNK_FILES]
            hashes, used = hash_in_python(chunk)
            theirs.update(hashes)
            seconds[0] += used
            hashes, used = hash_in_dhash(arguments.dhash, algorithm, arguments.fast, chunk)
            ours.update(hashes)
            seconds[1] += used

    both = [path for path in paths if theirs[path] and path in ours]
    bits = {path: bin(int(theirs[path], 16) ^ int(ours[path], 16)).count("1") for path in both}
    identical = sum(1 for count in bits.values() if count == 0)
    share = identical / max(len(both), 1)
    rates = [len(paths) * arguments.rounds / max(used, 1e-9) for used in seconds]
    mode = "fast" if arguments.fast else "exact"
    print(f"images            {len(paths)}, hashed by both {len(both)}")
    print(f"only imagehash    {sum(1 for p in paths if theirs[p] and p not in ours)}")
    print(f"only dhash        {sum(1 for p in paths if not theirs[p] and p in ours)}")
    print(f"identical         {identical} of {len(both)} ({100 * share:.2f} %)")
    print(f"bits that differ  {dict(sorted(collections.Counter(bits.values()).items()))}")
    print(f"imagehash         {rates[0]:.1f} images/s of CPU (Pillow {PIL.__version__})")
    print(f"dhash ({mode})     {rates[1]:.1f} images/s of CPU ({algorithm})")
    print(f"ratio             {rates[1] / rates[0]:.2f}")
    if arguments.verbose:
        for path in paths:
            if theirs[path] != ours.get(path):
                print(f"  {theirs[path]} {ours.get(path)} {path}")
    sys.exit(0 if share >= arguments.identical_min else 1)


if __name__ == "__main__":
    main()
