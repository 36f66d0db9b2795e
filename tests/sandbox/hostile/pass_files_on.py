import os
import socket
import sys

one, other = socket.socketpair()
for number in range(100):  # none is open, none has a name: they wait in the socket
    path = f"{sys.argv[4]}/{number}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    os.unlink(path)
    socket.send_fds(one, [b"x"], [handle])
    print("GOT", number)
    os.close(handle)
