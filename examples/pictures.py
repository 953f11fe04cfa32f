"""Arrays as pictures: PNG files, grey or colour, eight bits a channel, written here."""

import struct
import zlib

import numpy as np

from conformance.model import Array

__all__ = ["SIGNATURE", "bright", "png", "signed"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = {1: 0, 3: 2}  # channels -> PNG's colour type


def bright(image: Array) -> Array:
    """Return pixels [H, W, C] of numbers between 0, black, and 1, white."""
    return np.clip(np.rint(255.0 * image), 0, 255).astype(np.uint8)


def signed(image: Array, largest: float) -> Array:
    """Return pixels [H, W, C] of numbers of both signs: 0 is grey, `largest` white and its negative black."""
    wide = image.astype(np.float64) / largest if largest > 0 else np.zeros(image.shape)
    return np.clip(np.rint(128 + 127 * wide), 0, 255).astype(np.uint8)


def png(pixels: Array) -> bytes:
    """
    Return the file of a picture; pixels uint8 [H, W, 1], grey, or [H, W, 3], red, green and blue.

    Source: W3C, Portable Network Graphics (PNG) Specification, third edition. Each row is preceded by its filter, none.
    """
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 8, COLOURS[channels], 0, 0, 0)
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    body = zlib.compress(rows.tobytes(), 9)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one part of the file: its length, kind, data and check sum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
