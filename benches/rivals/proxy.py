"""Counts round trips and bytes between a tool and the server."""

import socket
import threading
import time

# Data of the server within this time is one response: a client that sends much at once may receive the first part early.
TOGETHER = 0.02
# Terminate has no response.
TERMINATE = b"X\0\0\0\4"


class Proxy:
    def __init__(self, database):
        self.server = (database.host, database.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.connections = self.turns = self.to_server = self.to_client = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            spoke_last = ["server"]
            with self.lock:
                self.connections += 1
            threading.Thread(target=self.upwards, args=(client, server, spoke_last), daemon=True).start()
            threading.Thread(target=self.downwards, args=(server, client, spoke_last), daemon=True).start()

    def upwards(self, client, server, spoke_last):
        while data := read(client):
            with self.lock:
                self.to_server += len(data)
                if spoke_last[0] == "server" and data != TERMINATE:
                    self.turns += 1
                    spoke_last[0] = "client"
            server.sendall(data)
        shut(server)

    def downwards(self, server, client, spoke_last):
        while data := read(server):
            time.sleep(TOGETHER)
            with self.lock:
                self.to_client += len(data)
                spoke_last[0] = "server"
            try:
                client.sendall(data)
            except OSError:
                break
        shut(client)

    def close(self):
        self.listener.close()


def read(end):
    try:
        return end.recv(4 << 20)
    except OSError:
        return b""


def shut(end):
    try:
        end.shutdown(socket.SHUT_WR)
    except OSError:
        pass
