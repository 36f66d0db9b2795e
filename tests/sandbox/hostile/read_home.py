import pathlib
import sys

print("GOT", pathlib.Path(sys.argv[1] + "/secret").read_text())
