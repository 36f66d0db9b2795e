import mmap

held = []
for _ in range(2000):  # a page for each 2 MB that is only looked at, which counts as nobody's memory
    held.append(mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ))
    for place in range(0, 1 << 30, 2 << 20):
        held[-1][place]
print("GOT", len(held))
