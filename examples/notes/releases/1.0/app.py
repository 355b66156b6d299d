"""Notes in SQLite over HTTP: POST / keeps one, GET / counts them."""

import contextlib
import http.server
import json
import os
import sqlite3

VERSION = "1.0"
DATABASE = os.environ["NOTES_DB"]


def connect():
    return contextlib.closing(sqlite3.connect(DATABASE, timeout=5, isolation_level=None))


class Notes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with connect() as database:
            count = database.execute("SELECT count(*) FROM note").fetchone()[0]
        self.answer({"version": VERSION, "notes": count})

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with connect() as database:
            database.execute("INSERT INTO note (text) VALUES (?)", (text,))
        self.answer({"version": VERSION, "kept": text})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


if __name__ == "__main__":
    with connect() as database:
        database.execute("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT)")
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    http.server.ThreadingHTTPServer(address, Notes).serve_forever()
