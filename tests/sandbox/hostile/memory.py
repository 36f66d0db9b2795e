held = []
for _ in range(100):  # ten times what it may have
    held.append(bytearray(b"x") * (20 << 20))
print("GOT", len(held))
