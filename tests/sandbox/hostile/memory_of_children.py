import os
import time

for _ in range(18):
    if not os.fork():
        held = []
        for _ in range(22):  # each stays far below what one process may have
            held.append(bytearray(b"x") * (5 << 20))
            time.sleep(0.2)
        time.sleep(20)
time.sleep(30)
