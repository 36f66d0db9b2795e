import ctypes
import os
import sys

library = ctypes.CDLL(None, use_errno=True)
for target in (os.getppid(), int(sys.argv[5])):
    if library.ptrace(16, target, 0, 0) == 0:  # PTRACE_ATTACH
        print("GOT", target)
raise OSError(ctypes.get_errno(), "ptrace")
