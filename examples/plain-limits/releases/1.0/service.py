"""A service that reports its own figures."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RELEASE = os.environ["RELEASE"]
FIGURES = {
    "extraction_failures_rate": 1.5,
    "p95_hash_time": 180,
    "low_confidence_queue_length": 40,
}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        known = {
            "/health": {"status": "healthy", "version": RELEASE},
            "/metrics/dhash": FIGURES,
        }
        body = json.dumps(known.get(self.path, {"release": RELEASE})).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answers).serve_forever()
