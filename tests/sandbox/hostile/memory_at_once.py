held = bytearray(20_000 << 20)
print("GOT", len(held))
