"""Fails while the file that is named is there: nothing is released then."""

import os
import sys

if os.path.exists(sys.argv[1]):
    sys.exit(f"{sys.argv[1]} is there: nothing is released now")
