import os
import time

for _ in range(12):  # doubles each time: 4,096 if nothing stops it
    try:
        os.fork()
    except OSError:
        time.sleep(0.05)
time.sleep(20)
