"""Compares `portcullis mask` with Presidio's pattern recognizers over the same texts, in one run, on one core.

Presidio is asked without a language model: its default recognizers for English that work by patterns, one after the
other, as its analyzer does. Times are the median of many rounds. Both sides take turns, so that a change in the machine's load
meets both. Prints microseconds for each text, what each side found, and the ratio.

How to run: `cargo xtask bench mask`.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import tempfile
import time

from presidio_analyzer import EntityRecognizer, RecognizerRegistry

WITH_DATA = (
    "Hi, I am writing about my order from last week. You can reach me at jane.doe@example.com or at "
    "+1 415 555 2671 between 9:00 and 17:00. The card that was charged is 4111 1111 1111 1111, and the refund should go "
    "to DE89 3704 0044 0532 0130 00. Our server at 192.168.10.24 could not reach 203.0.113.77 nor "
    "2001:db8::8a2e:370:7334, see https://status.example.com/incidents/42 for the time line. My social security number is "
    "536-22-8145. Apart from that everything works as it should, thank you very much for your help so far, and please let "
    "me know when the parts arrive, since we have planned the work for the second half of the month. "
)
CLEAN = (
    "Hello there, could you please summarise the following paragraph for me in two short sentences? The migration of "
    "birds has puzzled people for a long while, and only in the last decades have we begun to understand how they find "
    "their way over such distances. Some follow the coast, others the stars, and a few seem to sense the field of the "
    "earth itself. Young birds fly with older ones and learn the way, while others know it from the day they hatch. "
)
ROUNDS = 60
WARM_UP = 5


def repeated(text, length):
    return (text * (length // len(text) + 1))[:length]


def texts():
    for length in (1024, 10 * 1024):
        yield f"{length // 1024} KiB with data", repeated(WITH_DATA, length)
        yield f"{length // 1024} KiB without", repeated(CLEAN, length)


def presidio():
    """Presidio's default recognizers for English that need no model."""
    logging.disable(logging.WARNING)
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    found = [one for one in registry.recognizers if "Spacy" not in one.name]
    return [(one, one.get_supported_entities()) for one in found if isinstance(one, EntityRecognizer)]


def ask_presidio(recognizers, text):
    found = []
    for recognizer, entities in recognizers:
        found += recognizer.analyze(text, entities, None) or []
    return found


def time_presidio(recognizers, text, rounds):
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        ask_presidio(recognizers, text)
        times.append((time.process_time() - begun) * 1e6)
    return times


def time_portcullis(program, path):
    told = subprocess.run([program, "mask", "bench", "--json", "--seconds", "1", path], check=True, capture_output=True)
    return json.loads(told.stdout)["texts"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portcullis", required=True, help="the program")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    recognizers = presidio()
    names = ", ".join(sorted(one.name for one, _ in recognizers))
    print(f"load average {os.getloadavg()[0]:.2f}; {len(recognizers)} recognizers of Presidio: {names}")
    print(f"{'text':>18}  {'portcullis':>14}  {'found':>5}  {'with masking':>14}  {'MB/s':>6}  {'presidio':>12}  {'found':>5}  ratio")
    for name, text in texts():
        ask = [ask_presidio(recognizers, text) for _ in range(WARM_UP)][-1]
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            times, ours = [], []
            rounds = ROUNDS if len(text) < 4096 else ROUNDS // 3
            for _ in range(3):
                ours.append(time_portcullis(arguments.portcullis, file.name))
                times += time_presidio(recognizers, text, rounds // 3)
        find = statistics.median(one["find_us"] for one in ours)
        mask = statistics.median(one["mask_us"] for one in ours)
        peer = statistics.median(times)
        print(
            f"{name:>18}  {find:11.1f} us  {ours[0]['spans']:5}  {mask:11.1f} us  {len(text) / find:6.0f}  "
            f"{peer:9.0f} us  {len(ask):5}  {peer / find:.0f}"
        )


if __name__ == "__main__":
    main()
