import socket

with socket.create_server(("0.0.0.0", 0)) as server:
    print("GOT", server.getsockname())
