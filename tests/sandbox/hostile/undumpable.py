import ctypes
import os

library = ctypes.CDLL(None, use_errno=True)
if library.prctl(4, 0, 0, 0, 0) == 0:  # PR_SET_DUMPABLE: an ordinary user's watch would see nothing any more
    print("GOT", os.getpid())
raise OSError(ctypes.get_errno(), "prctl")
