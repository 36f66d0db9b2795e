import ctypes
import os
import time

if not os.fork():
    import threading

    os.setsid()
    threading.Thread(target=time.sleep, args=(600,)).start()
    time.sleep(0.2)
    # Ends the first thread alone: the process looks dead, and goes on.
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
time.sleep(1)
os._exit(0)
