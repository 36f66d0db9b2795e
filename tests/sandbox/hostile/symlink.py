import os
import pathlib
import sys

os.symlink(sys.argv[1] + "/secret", sys.argv[4] + "/result.json")
os.symlink("/etc", sys.argv[4] + "/folder")
os.mkfifo(sys.argv[4] + "/pipe.json")
pathlib.Path(sys.argv[4] + "/good.json").write_text("{}")
