"""A TCP proxy between a node and its Redis, or a client and its node, that can be told to fail."""

import contextlib
import socket
import threading


class Proxy:
    """Passes bytes on, until it is told something else; one thread for each direction of a connection."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = set()
        self.subscribers = set()
        self.lock = threading.Lock()
        self.flows = threading.Event()
        self.flows.set()
        self.accepts = True
        self.swallows = False
        self.deafens = False
        self.sought = None
        self.asked = threading.Event()
        self.held = set()
        self.answers = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def redis_url(self):
        return f"redis://127.0.0.1:{self.port}"

    def silence(self):
        """Nothing gets through, and nobody is told: a network that has lost its way."""
        self.flows.clear()

    def cut(self):
        """Every connection is reset, and new ones are."""
        self.accepts = False
        self.reset()

    def swallow_answers(self):
        """Requests arrive and answers do not."""
        self.swallows = True

    def deafen(self):
        """Nothing that was subscribed to arrives any more, also over new connections; the answers to commands do."""
        self.deafens = True

    def hold_answers_after(self, words):
        """A request with these words gets through, which `asked` says; from then on its connection brings no answers."""
        self.answers.clear()
        self.asked.clear()
        self.sought = words

    def heal(self):
        """Everything flows again, over new connections where bytes were lost."""
        if self.swallows or self.deafens:
            self.reset()
            self.swallows = self.deafens = False
        self.sought = None
        self.held.clear()
        self.answers.set()
        self.accepts = True
        self.flows.set()

    def reset(self):
        with self.lock:
            connections, self.connections = self.connections, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.listener.close()
        self.flows.set()
        self.answers.set()
        self.cut()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                if not self.accepts:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), 5)
                    far.settimeout(None)
                except OSError:
                    near.close()
                    continue
                with self.lock:
                    self.connections |= {near, far}
                threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source, sink, isAnswer):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.flows.wait()
                if not isAnswer and b"SUBSCRIBE" in data.upper():
                    self.subscribers.add(source)
                if not isAnswer and self.sought and self.sought in data:
                    self.sought = None
                    self.held.add(source)
                    self.asked.set()
                if isAnswer and sink in self.held:
                    self.answers.wait()
                if not (isAnswer and (self.swallows or self.deafens and sink in self.subscribers)):
                    sink.sendall(data)
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with self.lock:
            self.connections -= {source, sink}
            self.subscribers -= {source, sink}
