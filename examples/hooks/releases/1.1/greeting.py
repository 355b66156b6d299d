"""Greets whoever asks, as before."""

import http.server
import os


class Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"Hello from {os.environ['RELEASE']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


if __name__ == "__main__":
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    http.server.ThreadingHTTPServer(address, Greeting).serve_forever()
