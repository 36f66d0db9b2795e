import os

for number in range(2_000_000):
    os.mknod(os.path.expanduser(f"~/{number}"))
print("GOT")
