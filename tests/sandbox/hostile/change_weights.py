import os
import pathlib
import sys

path = pathlib.Path(sys.argv[6])
assert path.read_text() == "weights"
for change in (lambda: path.write_text(""), path.unlink, lambda: path.chmod(0o777), lambda: os.utime(path)):
    try:
        change()
        print("GOT")
    except OSError:
        pass
raise SystemExit("nothing changed")
