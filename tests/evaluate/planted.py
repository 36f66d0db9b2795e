"""Samples with copies of training data among them, in the ways in which copies are changed."""

import io

import numpy as np
from PIL import Image


def noisy(images, random):
    return np.clip(images + random.normal(0, 5, images.shape), 0, 255).astype(np.uint8)


def brighter(images, random):
    return np.clip(images * 1.1, 0, 255).astype(np.uint8)


def darker(images, random):
    return (images * 0.8).astype(np.uint8)


def jpeg(images, random):
    found = []
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(image[0]).save(stream, "JPEG", quality=75)
        found.append(np.asarray(Image.open(stream))[None])
    return np.stack(found)


def exact(rows, random):
    return rows


def shouted(texts, random):
    return [text.upper() for text in texts]


def respaced(texts, random):
    return ["\n  ".join(text.split(" ")) for text in texts]


def half(texts, random):
    """The first half of the copy, with the end of another's words in another order."""
    return [text[: len(text) // 2] + " ".join(random.permutation(text[len(text) // 2 :].split())) for text in texts]


def misspelt(texts, random):
    """One letter in forty is another."""
    found = []
    for text in texts:
        letters = list(text)
        for place in range(int(random.integers(40)), len(letters), 40):
            letters[place] = "#"
        found.append("".join(letters))
    return found


IMAGES = [exact, noisy, brighter, darker, jpeg]
TEXTS = [exact, shouted, respaced, half, misspelt]


def judged(details, planted, samples):
    """Return recall and false positives from the rows that a metric flagged; ``planted`` are the copies' places."""
    flagged = {*details["rows"]}
    recall = len(flagged & planted) / len(planted)
    return recall, len(flagged - planted) / (samples - len(planted))
