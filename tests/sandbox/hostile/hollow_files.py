import sys

for number in range(40):
    with open(f"{sys.argv[4]}/{number}.json", "wb") as stream:
        stream.truncate(19 << 20)  # takes no disk, and ends long before anybody looks
