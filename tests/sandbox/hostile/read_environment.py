import os
import pathlib

assert "AIGC_CANARY" not in os.environ
seen = 0
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            text = pathlib.Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue
        if b"AIGC_CANARY" in text:
            print("GOT", text)
raise SystemExit("nothing there")
