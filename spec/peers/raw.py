"""TCP peers that do exactly what they are told, for spec/raw_peer.lua.

Each line of stdin is a command: peer, number, name, arguments. A peer is a thread with a socket that
takes its commands one after the other, so none of them ever waits for another. Each command answers
with one line in the file that is named on the command line: number, status, bytes in hexadecimal.
The status is ok, eof, reset, timeout, loud, or error (the bytes then say what went wrong). The end of
stdin is the end of everything.
"""

import base64
import hashlib
import os
import queue
import select
import socket
import struct
import sys
import threading
import time

LIMIT = 60  # seconds that one command may take

answers = open(sys.argv[1], "ab", 0)
answering = threading.Lock()
peers = {}


def answer(number, status, data=b""):
    with answering:
        answers.write(b"%s %s %s\n" % (number.encode(), status.encode(), data.hex().encode()))


class End(Exception):
    """The connection ended, or time did; what came before belongs to the answer."""

    def __init__(self, status, data):
        super().__init__(status)
        self.status, self.data = status, data


def frame_size(data, at):
    """The size of the frame that begins there; None when its head is not whole."""
    if len(data) < at + 2:
        return None
    length, head = data[at + 1] & 127, 2
    if length > 125:
        head += 2 if length == 126 else 8
        if len(data) < at + head:
            return None
        length = int.from_bytes(data[at + 2:at + head], "big")
    return head + (4 if data[at + 1] & 128 else 0) + length


class Peer:
    def __init__(self):
        self.commands = queue.Queue()
        self.buffer = b""
        self.left = b""
        self.socket = None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            number, name, arguments = self.commands.get()
            try:
                answer(number, "ok", getattr(self, name)(*arguments) or b"")
            except End as end:
                answer(number, end.status, end.data)
            except (ConnectionResetError, BrokenPipeError):
                answer(number, "reset")
            except socket.timeout:
                answer(number, "timeout")
            except Exception as error:  # a mistake in a spec: let it read what it was
                answer(number, "error", repr(error).encode())
            if name in ("close", "reset"):
                return

    # Beginning

    def adopt(self, connection):
        self.socket = connection
        connection.settimeout(LIMIT)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connect(self, port, receive_buffer):
        connection = socket.socket()
        if receive_buffer != "0":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(receive_buffer))
        connection.settimeout(LIMIT)
        connection.connect(("127.0.0.1", int(port)))
        self.adopt(connection)

    def listen(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(LIMIT)
        return str(self.socket.getsockname()[1]).encode()

    def listen_full(self):
        """The kernel answers as many as may wait, and leaves the others without a word."""
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.waiting = []
        for _ in range(8):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(self.socket.getsockname())
            self.waiting.append(waiting)
        return str(self.socket.getsockname()[1]).encode()

    def hole(self):
        """Listens and accepts nobody, so that who connects gets no answer at all."""
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(0)
        self.waiting = []
        while not self.waiting or select.select([], self.waiting[-1:], [], 0.2)[1]:
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(self.socket.getsockname())
            self.waiting.append(connection)
        return str(self.socket.getsockname()[1]).encode()

    def accept(self, listener):
        self.adopt(peers[listener].socket.accept()[0])

    def upgrade(self, answer_head, behind, size):
        """Reads a request and sends the answer, in which {accept} stands for the accept value."""
        head = self.until(b"\r\n\r\n".hex())
        key = head.split(b"\r\nSec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        answer_head = bytes.fromhex(answer_head).replace(b"{accept}", base64.b64encode(digest))
        answer_head = answer_head.replace(b"{key}", key)
        self.drip(answer_head.hex() + behind, size, 0)
        return head

    # Sending

    def send(self, data, count):
        self.socket.sendall(bytes.fromhex(data) * int(count))

    def drip(self, data, size, seconds):
        """Sends piece by piece."""
        data, size = bytes.fromhex(data), int(size)
        for at in range(0, len(data), size):
            self.socket.sendall(data[at:at + size])
            time.sleep(float(seconds))

    def fill(self, data, seconds):
        """Sends the same again and again until the kernel takes nothing for so many seconds. First
        what the last time was left of it."""
        data, total = bytes.fromhex(data), 0
        rest, self.left = self.left, b""
        self.socket.settimeout(float(seconds))
        try:
            while True:
                rest = rest or data
                sent = self.socket.send(rest)
                rest, total = rest[sent:], total + sent
        except socket.timeout:
            self.left = rest  # perhaps all of it
        finally:
            self.socket.settimeout(LIMIT)
        return str(total).encode()

    def rest(self):
        """Sends what fill did not, and tells how much that was."""
        self.socket.sendall(self.left)
        return str(len(self.left)).encode()

    # Receiving

    def more(self, size=65536):
        try:
            data = self.socket.recv(size)
        except ConnectionResetError:
            raise End("reset", self.take(len(self.buffer)))
        except socket.timeout:
            raise End("timeout", self.take(len(self.buffer)))
        if not data:
            raise End("eof", self.take(len(self.buffer)))
        self.buffer += data

    def take(self, size):
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read(self, size):
        while len(self.buffer) < int(size):
            self.more()
        return self.take(int(size))

    def until(self, mark):
        mark = bytes.fromhex(mark)
        while mark not in self.buffer:
            self.more()
        return self.take(self.buffer.index(mark) + len(mark))

    def all(self):
        while True:
            self.more()

    def until_close(self):
        """Reads frames up to a close frame and returns all of them."""
        at = 0
        while True:
            size = frame_size(self.buffer, at)
            if size is None or len(self.buffer) < at + size:
                self.more()
            elif self.buffer[at] & 15 == 8:
                return self.take(at + size)
            else:
                at += size

    def quiet(self):
        """Fails when more bytes, or the end, are there already."""
        self.socket.setblocking(False)
        try:
            raise End("loud", self.buffer or self.socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(LIMIT)

    def skip(self, size):
        """Reads so many bytes, or, with 0, until the end, and tells how many there were."""
        total = len(self.buffer)
        self.buffer = b""
        while size == "0" or total < int(size):
            try:
                self.more(1 << 20 if size == "0" else min(1 << 20, int(size) - total))
            except End as end:
                raise End(end.status, str(total).encode())
            total += len(self.buffer)
            self.buffer = b""
        return str(total).encode()

    def exchange(self, data, count, size):
        """Sends the same so many times and meanwhile reads so many bytes; tells how many came."""
        sender = threading.Thread(target=self.send, args=(data, count), daemon=True)
        sender.start()
        total = self.skip(size)
        sender.join()
        return total

    # Ending

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # Crowds

    def crowd(self, port, count, data, mark, last):
        """Opens connections, sends each the same, waits for the mark, sends the last and closes."""
        data, mark, last = bytes.fromhex(data), bytes.fromhex(mark), bytes.fromhex(last)
        connections = []
        for _ in range(int(count)):
            connection = socket.create_connection(("127.0.0.1", int(port)), LIMIT)
            connection.sendall(data)
            connections.append(connection)
        for connection in connections:
            head = b""
            while mark not in head:
                part = connection.recv(65536)
                if not part:
                    raise End("eof", head)
                head += part
        for connection in connections:
            connection.sendall(last)
        for connection in connections:
            while connection.recv(65536):
                pass
            connection.close()


for line in sys.stdin:
    peer, number, command, *words = line.rstrip("\n").split(" ")
    if peer not in peers:
        peers[peer] = Peer()
    peers[peer].commands.put((number, command, words))
os._exit(0)
