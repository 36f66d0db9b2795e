import sys

for number in range(2_000):  # 10 GB
    with open(f"{sys.argv[4]}/{number}.json", "wb") as stream:
        stream.write(b"x" * (5 << 20))
print("GOT")
