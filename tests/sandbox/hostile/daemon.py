import os
import sys
import time

if not os.fork():
    os.setsid()
    if not os.fork():
        sys.stdout.close()
        os.closerange(0, 64)
        time.sleep(600)
    os._exit(0)
time.sleep(0.2)
