import threading
import time

for _ in range(3000):
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
