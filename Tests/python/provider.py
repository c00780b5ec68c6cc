"""An identity provider: keys, the tokens that it signs with them, and where it publishes them."""

import base64
import contextlib
import http.server
import json
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://id.example", "game"


class Key:
    """A key for one algorithm."""

    def __init__(self, algorithm, name):
        self.algorithm, self.name = algorithm, name
        if algorithm == "RS256":
            self.private, kind = rsa.generate_private_key(65537, 2048), RSAAlgorithm
        elif algorithm == "ES256":
            self.private, kind = ec.generate_private_key(ec.SECP256R1()), ECAlgorithm
        else:
            self.private, kind = ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm
        self.published = kind.to_jwk(self.private.public_key(), as_dict=True) | {"kid": name, "use": "sig"}

    def sign(self, claims):
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.name})


def claims(user="ada-7", **changed):
    """What a fit token says, with changes; `None` leaves a claim out."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "name": "Ada", "iat": now, "exp": now + 300} | changed
    return {name: value for name, value in said.items() if value is not None}


def publish(path, *keys):
    """Writes a key set as a whole: nobody reads half of one."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [key.published for key in keys]}))
    new.replace(path)


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextlib.contextmanager
def endpoint(port, *keys, tls=None):
    """Publishes a key set by HTTP for as long as it is open; counts the requests, and answers while `gate` is set."""
    class Handler(http.server.BaseHTTPRequestHandler):
        requests = 0
        gate = threading.Event()

        def do_GET(self):
            Handler.requests += 1
            Handler.gate.wait(10)
            body = json.dumps({"keys": [key.published for key in keys]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    Handler.gate.set()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Handler
    finally:
        server.shutdown()
        server.server_close()
