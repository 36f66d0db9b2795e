"""BERT's word pieces from a vocab.txt, one token a line: the tokenizer of Chinese GPT-2s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aigc_text.tokens.beside import Beside
from aigc_text.tokens.fast import Fast, add_beside, finish, frame
from aigc_text.tokens.guarded import guarded, sized
from aigc_text.tokens.pipelines import rebuild


def open_words(files: Mapping[str, Path], beside: Beside, eos: Sequence[int]) -> Fast:
    """Open vocab.txt, BERT's word pieces, as Chinese GPT-2s have them. Raises ``Refused`` where it is damaged.

    Where no token ends a text, since the config's is outside the vocabulary, [SEP] does.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece

    path = sized(files, "vocab.txt")
    with guarded(path):
        library = Tokenizer(WordPiece.from_file(str(path)))
        rebuild(library, "BertTokenizer", beside.settings, beside.named)
        add_beside(library, beside)
        frame(library, beside.named.get("cls_token"), beside.named.get("sep_token"))
        return finish(library, path, beside, eos)
