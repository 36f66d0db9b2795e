import os

for number in range(200):
    with open(os.path.expanduser(f"~/{number}"), "wb") as stream:
        stream.write(b"x" * (5 << 20))
print("GOT")
