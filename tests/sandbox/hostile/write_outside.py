import sys

open(sys.argv[1] + "/written", "w").close()
