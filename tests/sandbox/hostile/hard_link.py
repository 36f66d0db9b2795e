import os
import sys

os.link(sys.argv[1] + "/secret", sys.argv[4] + "/result.json")
print("GOT")
