import ctypes
import os
import signal

library = ctypes.CDLL(None)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
stack = ctypes.create_string_buffer(1 << 16)


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
def child(_):
    library.pause()
    return 0


# CLONE_VFORK: the parent waits for its child as others wait for a disk
library.clone(child, ctypes.c_void_p(ctypes.addressof(stack) + (1 << 16)), 0x4000 | signal.SIGCHLD, None)
os._exit(0)
