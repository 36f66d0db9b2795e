import os
import sys
import time

held = []
for number in range(100):
    path = f"{sys.argv[4]}/{number}"
    held.append(os.open(path, os.O_RDWR | os.O_CREAT))
    os.unlink(path)
    for _ in range(3):
        os.write(held[-1], b"x" * (5 << 20))
    time.sleep(0.02)
print("GOT", len(held))
