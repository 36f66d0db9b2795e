import os
import sys

with open(sys.argv[4] + "/large.json", "wb") as stream:
    for _ in range(10_000):  # 10 GB
        stream.write(b"x" * (1 << 20))
print("GOT", os.path.getsize(sys.argv[4] + "/large.json"))
