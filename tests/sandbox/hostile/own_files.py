import ctypes
import os
import sys

# A thread whose open files are its own, where nobody counts them: CLONE_VM, FS, SIGHAND, THREAD, and not FILES.
library = ctypes.CDLL(None, use_errno=True)
stack = ctypes.create_string_buffer(1 << 16)
if library.clone(library.pause, ctypes.c_void_p(ctypes.addressof(stack) + (1 << 15)), 0x10B00, None) > 0:
    print("GOT", os.getpid(), flush=True)
sys.exit(str(OSError(ctypes.get_errno(), "clone")))
