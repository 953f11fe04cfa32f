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

/** Return what is given for the four axes of a layout as it is for N H W C. */
export function ordered(entries, format) {
  return format === 'NCHW' ? [0, 2, 3, 1].map((axis) => entries[axis]) : entries;
}

/** Read strides, ksize or dilations: one number, or one of these counts; four are in the order of the layout. */
export function pair(name, value, { required = false, format = 'NHWC', lengths = [1, 2, 4] } = {}) {
  const absent = value === undefined || (value === null && !lengths.includes(1));
  check(!(required && absent), `${name} is missing`);
  if (value === null || value === undefined) return [1, 1];
  const entries = Array.isArray(value) ? value : [value];
  check(lengths.includes(entries.length), `${name} has ${entries.length} entries: it needs ${lengths}`);
  check(entries.every((entry) => whole(entry, 1)), `${name} ${entries}: every entry lies between 1 and ${LARGEST}`);
  if (entries.length < 4) return [entries[0], entries.at(-1)];
  const [batch, rows, columns, channels] = ordered(entries, format);
  if (channels !== 1 && name !== 'dilations') throw new NotOffered(`${name} along channels`);
  check(batch === 1 && channels === 1, `${name} along batch and channels: only 1`);
  return [rows, columns];
}

/** Read a padding: 'same', 'valid', or four pairs in the order of the layout. */
export function padding(value, { explicit = true, format = 'NHWC' } = {}) {
  if (value === 'SAME' || value === 'VALID') return value.toLowerCase();
  check(explicit && Array.isArray(value) && value.length === 4, `padding ${value}: neither a name nor four pairs`);
  const pairs = value.every((ends) => Array.isArray(ends) && ends.length === 2 && ends.every((end) => whole(end, 0)));
  check(pairs, 'padding: every entry is a pair of integers from 0');
  const [batch, , , channels] = ordered(value, format);
  check([...batch, ...channels].every((end) => end === 0), 'batch and channels cannot be padded');
  return value;
}

/** Read a layout. */
export function layout(value) {
  check(value === undefined || value === null || ['NHWC', 'NCHW'].includes(value), `data_format ${value}`);
  return value ?? 'NHWC';
}

/** Read the layout of an op that has one only. */
export function channelsLast(value) {
  if (layout(value) === 'NCHW') throw new NotOffered('images are N H W C');
}

/** Read a shape that is an argument. */
export function shape(name, value, lengths = [4]) {
  const entries = value?.array ?? value;
  check(!value?.dtype || ['int32', 'int64'].includes(value.dtype), `${name} is ${value?.dtype}`);
  check(Array.isArray(entries) && lengths.includes(entries.length), `${name}: it needs ${lengths} entries`);
  check(entries.every((entry) => whole(entry, 0)), `${name} ${entries}: every entry lies between 0 and ${LARGEST}`);
  return entries;
}

/** Check that an array has one of the dtypes that are offered. */
export function offered(array, dtypes = ['float32']) {
  if (!dtypes.includes(array.dtype)) throw new NotOffered(`${array.dtype} arrays`);
  return array;
}

/** Check that an array has rank 4, and one of the dtypes that are offered. */
export function image(name, array, dtypes) {
  check(array?.shape?.length === 4, `${name}: it needs rank 4`);
  return offered(array, dtypes);
}

/** Return how many windows lie along an axis. */
export function windows(size, taps, stride, dilation, pad) {
  const reach = (taps - 1) * dilation + 1;
  const [before, after] = Array.isArray(pad) ? pad : [0, 0];
  const out = pad === 'same' ? Math.ceil(size / stride) : Math.ceil((before + size + after - reach + 1) / stride);
  check(out >= 0, `a window of ${reach} over ${before + size + after} elements`);
  return out;
}

/** Return the shape of what a convolution or a pool gives for an image of this shape, both N H W C. */
export function slid(from, taps, strides, dilations, pad, channels, format = 'NHWC') {
  const ends = (axis) => (Array.isArray(pad) ? ordered(pad, format)[axis + 1] : pad);
  const sizes = [0, 1].map((axis) => windows(from[axis + 1], taps[axis], strides[axis], dilations[axis], ends(axis)));
  return [from[0], ...sizes, channels];
}

/** Check that an array has the shape that the other arguments give. */
export function fits(name, found, needed) {
  const alike = found.length === needed.length && found.every((size, axis) => size === needed[axis]);
  check(alike, `${name} is [${found}], not [${needed}]`);
}
