import os
import sys

for place in (sys.argv[4], os.environ["HOME"]):
    os.chdir(place)
    for _ in range(40):  # 10,000 characters: no path leads to the end
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    for number in range(4):
        with open(str(number), "wb") as stream:
            for _ in range(3):
                stream.write(b"x" * (5 << 20))
