import base64, hashlib, json, os, socketserver, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
UNWELL = int(os.environ.get("UNWELL", "0"))
ASKED = {}
PATHS = []
HOSTILE = [
    ("Set-Cookie", "mine=1; Path=/"),
    ("Set-Cookie", "tossed=1; Domain=apps.localhost"),
    ("Set-Cookie", "__Host-launchpad-app=forged; Path=/; Secure"),
    ("Set-Cookie", "launchpad=forged; Path=/"),
    ("Clear-Site-Data", '"cookies", "storage"'),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
    ("Service-Worker-Allowed", "/"),
    ("Alt-Svc", 'h2=":1"'),
]

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, body, kind="application/json", status=200, headers=()):
        ASKED[str(status)] = ASKED.get(str(status), 0) + 1
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def said(self, length=0):
        headers = {name.lower(): value for name, value in self.headers.items()}
        return json.dumps({"path": self.path, "headers": headers, "length": length}).encode()

    def do_GET(self):
        path = self.path.split("?")[0]
        PATHS.append(path)
        if path == "/hostile":
            self.send(b"{}", headers=HOSTILE)
        elif path == "/large":
            self.send(b"x" * 5_000_000, "text/plain")
        elif path == "/asked":
            self.send(json.dumps({**ASKED, "paths": PATHS}).encode())
        elif path == "/slow":
            self.send(b"{}", status=200 if PATHS.count(path) > UNWELL else 503)
        elif path == "/lasting":
            self.last()
        elif path == "/socket":
            self.socket()
        elif path.endswith(".html") or path in ("/", "/first"):
            self.send(PAGE, "text/html; charset=utf-8")
        else:
            self.send(self.said())

    def do_POST(self):
        length = 0
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                length += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            length = len(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        self.send(self.said(length))

# more
    def last(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(b"data: still here\n\n")
            self.wfile.flush()
            time.sleep(0.2)

    def socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while head := self.rfile.read(2):
            length = head[1] & 0x7F
            mask = self.rfile.read(4)
            sent = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(length)))
            if head[0] & 0x0F == 8:
                return
            self.wfile.write(bytes([head[0], length]) + sent)
            self.wfile.flush()

    def log_message(self, *_):
        pass

PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Hello</title>
<main><h1>Hello from the session</h1><p id="said"></p></main></html>"""

ThreadingHTTPServer(("", 8000), Handler).serve_forever()
