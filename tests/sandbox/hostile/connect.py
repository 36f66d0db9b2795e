import socket
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=2) as link:
    link.sendall(b"out")
    print("GOT", link.getpeername())
