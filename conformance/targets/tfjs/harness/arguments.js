// Arguments as tf.nn spells them, checked and brought to one form: [rows, columns], pairs, shapes in N H W C.

/** What a call may not be: the rule of the specification in a sentence. */
export class CallError extends Error {}

/** What TensorFlow.js has no words for. */
export class NotOffered extends Error {}

export function check(holds, message) {
  if (!holds) throw new CallError(message);
}

const LARGEST = 2 ** 31 - 1;
const whole = (value, least) => Number.isInteger(value) && value >= least && value <= LARGEST;

/** Read strides, ksize or dilations: one number, or 1, 2 or 4. */
export function pair(name, value, { required = false } = {}) {
  check(!(required && value === undefined), `${name} is missing`);
  const entries = value === null || value === undefined ? [1] : Array.isArray(value) ? value : [value];
  check([1, 2, 4].includes(entries.length), `${name} has ${entries.length} entries: it needs 1, 2 or 4`);
  check(entries.every((entry) => whole(entry, 1)), `${name} ${entries}: every entry lies between 1 and ${LARGEST}`);
  if (entries.length < 4) return [entries[0], entries.at(-1)];
  if (entries[3] !== 1 && name !== 'dilations') throw new NotOffered(`${name} along channels`);
  check(entries[0] === 1 && entries[3] === 1, `${name} along batch and channels: only 1`);
  return entries.slice(1, 3);
}

/** Read a padding: 'same', 'valid', or four pairs. */
export function padding(value, { explicit = true } = {}) {
  if (value === 'SAME' || value === 'VALID') return value.toLowerCase();
  check(explicit && Array.isArray(value) && value.length === 4, `padding ${value}: neither a name nor four pairs`);
  const pairs = value.every((ends) => Array.isArray(ends) && ends.length === 2 && ends.every((end) => whole(end, 0)));
  check(pairs, 'padding: every entry is a pair of integers from 0');
  check([...value[0], ...value[3]].every((end) => end === 0), 'batch and channels cannot be padded');
  return value;
}

/** Read a layout: N H W C alone is offered. */
export function layout(value, { none = true } = {}) {
  check(value === undefined || (none && value === null) || ['NHWC', 'NCHW'].includes(value), `data_format ${value}`);
  if (value === 'NCHW') throw new NotOffered('images are N H W C');
}

/** Read a shape that is an argument. */
export function shape(name, value, lengths = [4]) {
  const entries = value?.array ?? value;
  check(!value?.dtype || ['int32', 'int64'].includes(value.dtype), `${name} is ${value?.dtype}`);
  check(Array.isArray(entries) && lengths.includes(entries.length), `${name}: it needs ${lengths} entries`);
  check(entries.every((entry) => whole(entry, 0)), `${name} ${entries}: every entry lies between 0 and ${LARGEST}`);
  return entries;
}

/** Check that an array has rank 4 and is float32, the only dtype that is offered. */
export function image(name, array) {
  check(array?.shape?.length === 4, `${name}: it needs rank 4`);
  if (array.dtype !== 'float32') throw new NotOffered(`${array.dtype} arrays`);
  return array;
}

/** Return how many windows lie along an axis. */
export function windows(size, taps, stride, dilation, pad) {
  const reach = (taps - 1) * dilation + 1;
  const [before, after] = Array.isArray(pad) ? pad : [0, 0];
  const out = pad === 'same' ? Math.ceil(size / stride) : Math.ceil((before + size + after - reach + 1) / stride);
  check(out >= 0, `a window of ${reach} over ${before + size + after} elements`);
  return out;
}

/** Return the shape of what a convolution or a pool gives for an image of this shape. */
export function slid(from, taps, strides, dilations, pad, channels) {
  const ends = (axis) => (Array.isArray(pad) ? pad[axis + 1] : pad);
  const sizes = [0, 1].map((axis) => windows(from[axis + 1], taps[axis], strides[axis], dilations[axis], ends(axis)));
  return [from[0], ...sizes, channels];
}

/** Check that an array has the shape that the other arguments give. */
export function fits(name, array, needed) {
  check(array.shape.every((size, axis) => size === needed[axis]), `${name} is [${array.shape}], not [${needed}]`);
}
