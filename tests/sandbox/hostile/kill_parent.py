import os
import signal
import sys
import time

for target in (os.getppid(), int(sys.argv[5]), -1):
    try:
        os.kill(target, signal.SIGKILL)
        print("sent", target, flush=True)
    except OSError as error:
        print(target, error, flush=True)
time.sleep(0.5)
raise SystemExit("still here")
