"""Arrays as PNG files."""

import struct
import zlib

import numpy as np

from examples.pictures import SIGNATURE, bright, png, signed


def chunks(file: bytes) -> dict[bytes, bytes]:
    """Take a PNG file apart, and check every check sum."""
    found, rest = {}, file.removeprefix(SIGNATURE)
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data, check = rest[4:8], rest[8 : 8 + length], rest[8 + length : 12 + length]
        assert check == struct.pack(">I", zlib.crc32(kind + data))
        found[kind] = data
        rest = rest[12 + length :]
    return found


def test_a_grey_picture_is_rows_of_pixels_each_after_a_zero() -> None:
    """Two rows of three: width 3, height 2, 8 bits, grey."""
    found = chunks(png(np.array([[0, 1, 2], [3, 4, 255]], np.uint8)[:, :, None]))

    assert list(found) == [b"IHDR", b"IDAT", b"IEND"]
    assert found[b"IHDR"] == bytes([0, 0, 0, 3, 0, 0, 0, 2, 8, 0, 0, 0, 0])
    assert zlib.decompress(found[b"IDAT"]) == bytes([0, 0, 1, 2, 0, 3, 4, 255])


def test_a_picture_in_colour_has_three_bytes_a_pixel() -> None:
    """One pixel: colour type 2."""
    found = chunks(png(np.array([[[9, 8, 7]]], np.uint8)))

    assert found[b"IHDR"][9] == 2
    assert zlib.decompress(found[b"IDAT"]) == bytes([0, 9, 8, 7])


def test_zero_is_black_in_an_image_and_grey_where_there_are_signs() -> None:
    """0 and 1 are 0 and 255; -2, 0 and 2 of at most 2 are 1, 128 and 255; what is beyond stays in range."""
    assert bright(np.array([0.0, 1.0, 1.5])).tolist() == [0, 255, 255]
    assert signed(np.array([-2.0, 0.0, 2.0, 9.0]), 2.0).tolist() == [1, 128, 255, 255]
    assert signed(np.zeros(2), 0.0).tolist() == [128, 128]
