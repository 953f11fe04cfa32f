// The frames of the wire protocol, docs/wire-protocol.md: a prefix, a JSON header, raw little-endian arrays.

import fs from 'node:fs';

const PREFIX = 16;
const ALIGNMENT = 64;
const ELEMENTS = {
  bool: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array,
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array,
  float32: Float32Array, float64: Float64Array,
};
// Those that no typed array holds: told apart by name, their bytes are not looked at.
const WIDTHS = { float16: 2, bfloat16: 2, complex64: 8, complex128: 16 };

const gap = (size) => ALIGNMENT + ((ALIGNMENT - (size % ALIGNMENT)) % ALIGNMENT);

/** Read this many bytes of standard input; its end ends the process. */
function bytes(count) {
  const buffer = Buffer.alloc(count);
  for (let filled = 0; filled < count;) {
    let read;
    try {
      read = fs.readSync(0, buffer, filled, count - filled, null);
    } catch (error) {
      if (error.code === 'EAGAIN') continue;
      read = 0;
    }
    if (read === 0) process.exit(0);
    filled += read;
  }
  return buffer;
}

/** Read one frame: its header, and its arrays as {dtype, shape, values}. */
export function receive() {
  const prefix = bytes(PREFIX);
  const header = JSON.parse(bytes(prefix.readUInt32LE(4)).toString('utf8'));
  const payload = bytes(Number(prefix.readBigUInt64LE(8)));
  let start = 0;
  const arrays = (header.arrays ?? []).map(({ dtype, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const size = count * (WIDTHS[dtype] ?? ELEMENTS[dtype].BYTES_PER_ELEMENT);
    const own = new Uint8Array(payload.subarray(start, start + size)).buffer;
    start += size + gap(size);
    return { dtype, shape, values: dtype in WIDTHS ? null : new ELEMENTS[dtype](own) };
  });
  return { header, arrays };
}

/** Write one frame; arrays as {dtype, shape, values}. */
export function send(header, arrays = []) {
  const described = arrays.map(({ dtype, shape }) => ({ dtype, shape }));
  const text = Buffer.from(JSON.stringify(arrays.length ? { ...header, arrays: described } : header));
  const content = arrays.flatMap(({ values }) => [
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
    Buffer.alloc(gap(values.byteLength), 0xff),
  ]);
  const size = content.reduce((sum, part) => sum + part.length, 0);
  const prefix = Buffer.alloc(PREFIX);
  prefix.write('CNF1', 'ascii');
  prefix.writeUInt32LE(text.length, 4);
  prefix.writeBigUInt64LE(BigInt(size), 8);
  const whole = Buffer.concat([prefix, text, ...content]);
  for (let written = 0; written < whole.length;) {
    try {
      written += fs.writeSync(1, whole, written);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
