import os
import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.closerange(0, 64)  # who waits for the end of its output has it now
time.sleep(600)
