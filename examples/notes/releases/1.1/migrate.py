"""Adds the column `kept_at`; with --check, says by its exit code whether it is there."""

import sqlite3
import sys

database = sqlite3.connect(sys.argv[-1], timeout=5)
columns = [row[1] for row in database.execute("PRAGMA table_info(note)")]
if "--check" in sys.argv:
    sys.exit(0 if "kept_at" in columns else 1)
if "kept_at" not in columns:
    database.execute("ALTER TABLE note ADD COLUMN kept_at TEXT")
    database.commit()
