"""Writes what a person should hear as a line into the file that is named."""

import json
import sys

notice = json.load(sys.stdin)
with open(sys.argv[1], "a", encoding="utf-8") as log:
    log.write(f"{notice['service']} {notice['rollout']} {notice['kind']}: {notice['sentence']}\n")
