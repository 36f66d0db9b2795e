import os

handle = os.memfd_create("held")
os.write(handle, b"x")
print("GOT", handle)
