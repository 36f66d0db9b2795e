import os
import sys

for place in (sys.argv[4], os.environ["HOME"]):
    os.makedirs(place + "/closed/inner")
    within = os.open(place + "/closed/inner", os.O_RDONLY)
    os.mkdir(place + "/shut", 0)
    try:
        os.chmod(place + "/closed", 0)
    except OSError:  # under Landlock by its handle
        os.fchmod(os.open(place + "/closed", os.O_RDONLY), 0)
    for number in range(3):
        with open(os.open(f"{number}", os.O_WRONLY | os.O_CREAT, dir_fd=within), "wb") as stream:
            stream.write(b"x" * (5 << 20))
os.fchmod(os.open(sys.argv[4], os.O_RDONLY), 0)
