import ctypes
import os

library = ctypes.CDLL(None, use_errno=True)
if library.unshare(0x10000000) == 0:
    print("GOT", os.getuid())
raise OSError(ctypes.get_errno(), "unshare")
