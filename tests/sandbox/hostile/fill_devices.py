import os

for number in range(200):
    with open(f"/dev/shm/{number}", "wb") as stream:
        stream.write(b"x" * (5 << 20))
print("GOT", os.listdir("/dev/shm"))
