// The ops, each by TensorFlow.js' own function: a call's arguments in, a function that computes its results out.

import * as tf from '@tensorflow/tfjs';
import { check, fits, image, layout, NotOffered, padding, pair, shape, slid } from './arguments.js';

const tensor = (array) => tf.tensor(array.values, array.shape, 'float32');

/** Read what every convolution has. */
function convolution(given, from, filters) {
  layout(given.data_format);
  const strides = pair('strides', given.strides, { required: true });
  const dilations = pair('dilations', given.dilations);
  const pad = padding(given.padding === undefined ? 'SAME' : given.padding);
  check(filters.slice(0, 3).every((size) => size > 0), 'filters without elements');
  if (from[3] !== filters[2]) {
    check(from[3] % filters[2] === 0 && filters[3] % (from[3] / filters[2]) === 0 && from[3] > 0, 'no whole groups');
    throw new NotOffered('groups');
  }
  const out = slid(from, filters, strides, dilations, pad, filters[3]);
  return { strides, dilations, pad, out };
}

function conv2d(given) {
  if (given.input?.shape?.length > 4) throw new NotOffered('images of rank 4 only');
  const [x, w] = [image('input', given.input), image('filters', given.filters)];
  const { strides, dilations, pad } = convolution(given, x.shape, w.shape);
  const [input, filters] = [tensor(x), tensor(w)];
  return () => tf.conv2d(input, filters, strides, pad, 'NHWC', dilations);
}

/** Return the shape of the larger image of a transposed convolution. */
function larger(name, sizes, small, filters) {
  const asked = shape(name, sizes, [2, 4]);
  const full = asked.length === 2 ? [small[0], ...asked, filters[2]] : asked;
  check(full[0] === small[0], `${name} has batch ${full[0]}, not ${small[0]}`);
  return full;
}

function conv2dTranspose(given) {
  const [y, w] = [image('input', given.input), image('filters', given.filters)];
  layout(given.data_format);
  const full = larger('output_shape', given.output_shape, y.shape, w.shape);
  const { strides, dilations, pad, out } = convolution(given, full, w.shape);
  fits('input', y, out);
  if (dilations.some((dilation) => dilation > 1)) throw new NotOffered('conv2dTranspose has no dilations');
  const [input, filters] = [tensor(y), tensor(w)];
  return () => tf.conv2dTranspose(input, filters, full, strides, pad);
}

function conv2dBackpropInput(given) {
  const [y, w] = [image('out_backprop', given.out_backprop), image('filters', given.filters)];
  layout(given.data_format);
  const full = larger('input_sizes', given.input_sizes, y.shape, w.shape);
  const { strides, dilations, pad, out } = convolution(given, full, w.shape);
  fits('out_backprop', y, out);
  const [slope, filters, at] = [tensor(y), tensor(w), tf.zeros(full)];
  return () => tf.grad((x) => tf.conv2d(x, filters, strides, pad, 'NHWC', dilations))(at, slope);
}

function conv2dBackpropFilter(given) {
  const [x, y] = [image('input', given.input), image('out_backprop', given.out_backprop)];
  layout(given.data_format);
  const sizes = shape('filter_sizes', given.filter_sizes);
  const { strides, dilations, pad, out } = convolution(given, x.shape, sizes);
  fits('out_backprop', y, out);
  const [input, slope, at] = [tensor(x), tensor(y), tf.zeros(sizes)];
  return () => tf.grad((w) => tf.conv2d(input, w, strides, pad, 'NHWC', dilations))(at, slope);
}

/** Read what every pool has. */
function pool(given, from, { explicit = false } = {}) {
  layout(given.data_format);
  const ksize = pair('ksize', given.ksize, { required: true });
  const strides = pair('strides', given.strides, { required: true });
  const pad = padding(given.padding, { explicit });
  if (Array.isArray(pad)) {
    check([0, 1].every((axis) => Math.max(...pad[axis + 1]) < ksize[axis]), 'padding is not smaller than the window');
    check(from[1] > 0 && from[2] > 0, 'an image without elements under a padded window');
  }
  return { ksize, strides, pad, out: slid(from, ksize, strides, [1, 1], pad, from[3]) };
}

function maxPool(given) {
  const x = image('input', given.input);
  const { ksize, strides, pad } = pool(given, x.shape, { explicit: true });
  const input = tensor(x);
  return () => tf.maxPool(input, ksize, strides, pad);
}

function maxPoolWithArgmax(given) {
  const x = image('input', given.input);
  const { output_dtype: dtype = 'int64', data_format: format = 'NHWC' } = given;
  check(format === 'NHWC' && ['int32', 'int64'].includes(dtype), 'data_format or output_dtype');
  const { ksize, strides, pad } = pool(given, x.shape);
  check(!x.shape.includes(0), 'an empty input');
  const input = tensor(x);
  return () => {
    const { result, indexes } = tf.maxPoolWithArgmax(input, ksize, strides, pad, Boolean(given.include_batch_in_index));
    return [result, { tensor: indexes, dtype }];
  };
}

function maxPoolGrad(given) {
  const [x, y] = [image('orig_input', given.orig_input), image('grad', given.grad)];
  const { ksize, strides, pad, out } = pool(given, x.shape, { explicit: true });
  fits('grad', y, out);
  fits('orig_output', image('orig_output', given.orig_output), out);
  const [input, slope] = [tensor(x), tensor(y)];
  return () => tf.grad((at) => tf.maxPool(at, ksize, strides, pad))(input, slope);
}

function avgPool(given) {
  const x = image('input', given.input);
  const { ksize, strides, pad } = pool(given, x.shape);
  const input = tensor(x);
  return () => tf.avgPool(input, ksize, strides, pad);
}

function avgPoolGrad(given) {
  const y = image('grad', given.grad);
  const from = shape('orig_input_shape', given.orig_input_shape);
  const { ksize, strides, pad, out } = pool(given, from);
  fits('grad', y, out);
  const [slope, at] = [tensor(y), tf.zeros(from)];
  return () => tf.grad((x) => tf.avgPool(x, ksize, strides, pad))(at, slope);
}

function dropout(given) {
  const { x, rate, noise_shape: noise, seed, global_seed: globalSeed } = given;
  if (rate?.array !== undefined) throw new NotOffered('the rate is a number');
  check(typeof rate === 'number' && rate >= 0 && rate < 1, `rate ${JSON.stringify(rate)} is outside [0, 1)`);
  if (Array.isArray(noise)) throw new NotOffered('a noise_shape that is checked');
  check(noise === undefined || noise === null, 'noise_shape is no list');
  if (x.dtype !== 'float32') {
    check(['float16', 'bfloat16', 'float64'].includes(x.dtype), `x is ${x.dtype}`);
    throw new NotOffered(`${x.dtype} arrays`);
  }
  const input = tensor(x);
  return () => tf.dropout(input, rate, undefined, seed ?? globalSeed ?? undefined);
}

export const OPS = {
  conv2d,
  conv2d_transpose: conv2dTranspose,
  conv2d_backprop_input: conv2dBackpropInput,
  conv2d_backprop_filter: conv2dBackpropFilter,
  max_pool: maxPool,
  max_pool_with_argmax: maxPoolWithArgmax,
  max_pool_grad: maxPoolGrad,
  avg_pool: avgPool,
  avg_pool_grad: avgPoolGrad,
  dropout,
};

// TensorFlow.js may hold integers in an array of floats: what goes over the wire is of the result's own dtype.
const TYPED = {
  float32: (values) => Float32Array.from(values),
  int32: (values) => Int32Array.from(values),
  int64: (values) => BigInt64Array.from(values, BigInt),
};

/** Return a result as an array of the wire: indices in the dtype that is asked for. */
export function wire(result) {
  const { tensor: found, dtype } = result.tensor ? result : { tensor: result, dtype: result.dtype };
  return { dtype, shape: found.shape, values: TYPED[dtype](found.dataSync()) };
}
