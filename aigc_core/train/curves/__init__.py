"""The losses of one or more runs, side by side: read from their logs, drawn as a picture or in the terminal."""
