"""A GGUF file, opened by llama.cpp's own library: what its metadata says, and the weights, mapped into memory.

llama.cpp writes its log to stderr; here the log is silent, and its errors become the sentence of an exception.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable, Refused
from aigc_text.engines.gguf_write import FILE_TYPES

_ERROR = 4
_said: deque[str] = deque(maxlen=8)
_kept: list[Any] = []
"""The library and the callback that it calls: both must outlive every model."""
_TYPES = {number: name for name, number in FILE_TYPES.items()}


def library() -> Any:
    """Return llama.cpp's bindings, silenced. Raises ``NotAvailable`` where they are not installed."""
    if not _kept:
        try:
            import llama_cpp
        except (ImportError, OSError, RuntimeError) as error:  # the last: its shared library cannot be loaded
            text = "The engine gguf needs llama.cpp's bindings, the package llama-cpp-python"
            raise NotAvailable(f"{text}.", 'Try: pip install "aigc-text[gguf]"') from error
        log = llama_cpp.llama_log_callback(_hear)
        llama_cpp.llama_log_set(log, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        _kept.extend((llama_cpp, log))
    return _kept[0]


def _hear(level: int, text: bytes, _: Any) -> None:
    if level == _ERROR:
        _said.append(" ".join(text.decode("utf-8", "replace").split()))


def heard() -> str:
    """Return what llama.cpp said last of what went wrong, and forget it; it may quote the file."""
    text = _said[0] if _said else "llama.cpp does not say why"  # the first is the cause, the rest its consequences
    _said.clear()
    return text[:300].rstrip(".")


class GgufFile:
    """An open file. ``model`` and ``vocabulary`` are llama.cpp's pointers; both are gone after ``close``."""

    def __init__(self, path: str | Path) -> None:
        """Open a file. Raises ``Refused`` where llama.cpp cannot read it, ``NotAvailable`` without llama.cpp."""
        self.path = str(path)
        llama = self.llama = library()
        self._check_head()
        settings = llama.llama_model_default_params()
        # Weights stay as they lie in the file, mapped: repacked ones are a second copy, and another set of kernels.
        settings.use_extra_bufts = False
        _said.clear()
        self.model = llama.llama_model_load_from_file(self.path.encode(), settings)
        if not self.model:
            raise Refused(f"{path} is no GGUF file that llama.cpp can run: {heard()}.")
        self.vocabulary = llama.llama_model_get_vocab(self.model)
        self.close = weakref.finalize(self, llama.llama_model_free, self.model)

    @property
    def context(self) -> int:
        """For how many tokens the model was made."""
        return int(self.llama.llama_model_n_ctx_train(self.model))

    @property
    def tokens(self) -> int:
        """How many tokens there are."""
        return int(self.llama.llama_vocab_n_tokens(self.vocabulary))

    @property
    def dtype(self) -> str:
        """What the weights are stored in: ``float32`` ... ``int4``, or what llama.cpp calls another type."""
        kind = int(self.llama.llama_model_ftype(self.model))
        name: bytes = self.llama.llama_ftype_name(kind) or b"unknown"
        return _TYPES.get(kind) or name.decode()

    def text(self, key: str) -> str:
        """Return a field of the metadata as text; empty where there is none."""
        size = self.llama.llama_model_meta_val_str(self.model, key.encode(), None, 0)
        if size < 0:
            return ""
        buffer = ctypes.create_string_buffer(size + 1)
        self.llama.llama_model_meta_val_str(self.model, key.encode(), buffer, size + 1)
        return buffer.value.decode("utf-8", "replace")

    def _check_head(self) -> None:
        try:
            with open(self.path, "rb") as stream:
                head = stream.read(4)
        except OSError as error:
            raise NotAvailable(f"{self.path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
        if head != b"GGUF":
            raise Refused(f"{self.path} is no GGUF file.")
