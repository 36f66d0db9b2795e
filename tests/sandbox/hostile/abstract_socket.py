import socket
import sys

with socket.socket(socket.AF_UNIX) as link:
    link.connect("\0" + sys.argv[3])
    print("GOT", link.getpeername())
