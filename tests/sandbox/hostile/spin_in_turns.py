import os
import time

while True:  # each child computes less than one process may
    if not os.fork():
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        os._exit(0)
    os.wait()
