"""One result, shown in five ways; nothing here decides anything."""
