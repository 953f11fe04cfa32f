"""
The kernels that oneDNN chose for a call: under ONEDNN_VERBOSE=1 it prints a line for each primitive that it runs.

    onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core,forward_training,src:f32::blocked:acdb ...

Source: oneDNN 3.7, doc/performance_considerations/verbose.md; before 3.1 the lines have no version, and src_f32.
"""

import os
import re
import sys
import tempfile

__all__ = ["WISH", "Printed"]

WISH = {"ONEDNN_VERBOSE": "1"}  # of the environment: read once, when oneDNN is first asked for anything
LINE = re.compile(rb"^onednn_verbose,.*?exec,\wpu,(\w+),([^,]+),(\w+),\w+?[:_](\w+)", re.MULTILINE)
LONGEST = 1 << 16  # bytes that are read of one call, and after which the file begins anew


class Printed:
    """What this process prints, kept in a file: whatever else is printed is not shown."""

    def __init__(self) -> None:
        sys.stdout.flush()
        with tempfile.TemporaryFile() as file:
            self._file = os.dup(file.fileno())
        os.dup2(self._file, 1)  # both descriptors share one position, which is how much has been printed
        self._read = 0  # bytes of that

    def kernels(self) -> tuple[str, ...]:
        """
        Return the kernels that have run since the last time, each once: primitive, code, direction, dtype.

        For instance "convolution brg_conv_fwd:avx512_core forward_training f32".
        """
        printed = os.lseek(self._file, 0, os.SEEK_CUR)
        if printed == self._read:
            return ()
        text, self._read = os.pread(self._file, LONGEST, self._read), printed
        if printed > LONGEST:
            os.ftruncate(self._file, 0)
            self._read = os.lseek(self._file, 0, os.SEEK_SET)
        return tuple(dict.fromkeys(b" ".join(words).decode(errors="replace") for words in LINE.findall(text)))
