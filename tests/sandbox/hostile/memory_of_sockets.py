import os
import socket
import time

for _ in range(10):
    if not os.fork():
        held = []
        for _ in range(200):
            held.append(socket.socketpair())
            held[-1][0].setblocking(False)
            try:
                while held[-1][0].send(b"x" * 65536):
                    pass
            except BlockingIOError:
                pass
            time.sleep(0.01)
        time.sleep(30)
        os._exit(0)
time.sleep(30)
print("GOT")
