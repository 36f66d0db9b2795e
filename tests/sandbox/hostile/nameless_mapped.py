import mmap
import os
import sys
import time

held = []
for number in range(100):
    path = f"{sys.argv[4]}/{number}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    os.unlink(path)
    for _ in range(3):
        os.write(handle, b"x" * (5 << 20))
    held.append(mmap.mmap(handle, 4096, prot=mmap.PROT_READ))  # has a handle of its own, but it can be closed
    os.close(handle)
    os.closerange(3, 64)
    time.sleep(0.02)
print("GOT", len(held))
