import ctypes
import os
import threading
import time


def grow():
    time.sleep(0.2)
    held = []
    for _ in range(100):
        held.append(bytearray(b"x") * (20 << 20))
        time.sleep(0.05)
    print("GOT", len(held), flush=True)


threading.Thread(target=grow).start()
# Ends the first thread alone: by its own entry the process has no memory any more.
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
