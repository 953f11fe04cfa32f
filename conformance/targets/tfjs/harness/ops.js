// The ops, each by TensorFlow.js' own function: a call's arguments in, a function that computes its results out.

import * as tf from '@tensorflow/tfjs';
import {
  channelsLast, check, fits, image, layout, NotOffered, offered, ordered, padding, pair, shape, slid,
} from './arguments.js';

const INTEGERS_TOO = ['float32', 'int32'];
const tensor = (array) => tf.tensor(array.values, array.shape, array.dtype);

/** Read what every convolution has; strides and dilations have as many entries as are named. */
function windows(given, { strided, dilated } = {}) {
  const format = layout(given.data_format);
  const strides = pair('strides', given.strides, { required: true, format, lengths: strided });
  const dilations = pair('dilations', given.dilations, { format, lengths: dilated });
  return { format, strides, dilations, pad: padding(given.padding, { format }) };
}

/** Read a convolution over an image of this shape, in the order of the layout, as are all shapes but the filters'. */
function convolution(given, image, filters) {
  const found = windows({ padding: 'SAME', ...given });
  const from = ordered(image, found.format);
  check(filters.slice(0, 3).every((size) => size > 0), 'filters without elements');
  if (from[3] !== filters[2]) {
    check(from[3] % filters[2] === 0 && filters[3] % (from[3] / filters[2]) === 0 && from[3] > 0, 'no whole groups');
    throw new NotOffered('groups');
  }
  return { ...found, out: slid(from, filters, found.strides, found.dilations, found.pad, filters[3], found.format) };
}

function conv2d(given) {
  if (given.input?.shape?.length > 4) throw new NotOffered('images of rank 4 only');
  const [x, w] = [image('input', given.input), image('filters', given.filters)];
  const { format, strides, dilations, pad } = convolution(given, x.shape, w.shape);
  const [input, filters] = [tensor(x), tensor(w)];
  return () => tf.conv2d(input, filters, strides, pad, format, dilations);
}

/** Return the shape of the larger image of a transposed convolution. */
function larger(name, sizes, small, filters, format) {
  const asked = shape(name, sizes, [2, 4]);
  const all = format === 'NCHW' ? [small[0], filters[2], ...asked] : [small[0], ...asked, filters[2]];
  const full = asked.length === 2 ? all : asked;
  check(full[0] === small[0], `${name} has batch ${full[0]}, not ${small[0]}`);
  return full;
}

function conv2dTranspose(given) {
  const [y, w] = [image('input', given.input), image('filters', given.filters)];
  channelsLast(given.data_format);
  const full = larger('output_shape', given.output_shape, y.shape, w.shape);
  const { strides, dilations, pad, out } = convolution(given, full, w.shape);
  fits('input', y.shape, out);
  if (dilations.some((dilation) => dilation > 1)) throw new NotOffered('conv2dTranspose has no dilations');
  const [input, filters] = [tensor(y), tensor(w)];
  return () => tf.conv2dTranspose(input, filters, full, strides, pad);
}

function conv2dBackpropInput(given) {
  const [y, w] = [image('out_backprop', given.out_backprop), image('filters', given.filters)];
  const full = larger('input_sizes', given.input_sizes, y.shape, w.shape, layout(given.data_format));
  const { format, strides, dilations, pad, out } = convolution(given, full, w.shape);
  fits('out_backprop', ordered(y.shape, format), out);
  const [slope, filters, at] = [tensor(y), tensor(w), tf.zeros(full)];
  return () => tf.grad((x) => tf.conv2d(x, filters, strides, pad, format, dilations))(at, slope);
}

function conv2dBackpropFilter(given) {
  const [x, y] = [image('input', given.input), image('out_backprop', given.out_backprop)];
  const sizes = shape('filter_sizes', given.filter_sizes);
  const { format, strides, dilations, pad, out } = convolution(given, x.shape, sizes);
  fits('out_backprop', ordered(y.shape, format), out);
  const [input, slope, at] = [tensor(x), tensor(y), tf.zeros(sizes)];
  return () => tf.grad((w) => tf.conv2d(input, w, strides, pad, format, dilations))(at, slope);
}

/** Read a depthwise convolution over an image of this shape; its dilations have as many entries as are named. */
function depthwise(given, from, filters, dilated) {
  const found = windows(given, { strided: [4], dilated });
  channelsLast(given.data_format);
  check(filters.slice(0, 3).every((size) => size > 0), 'filters without elements');
  check(from[3] === filters[2], `filters of ${filters[2]} channels over ${from[3]}`);
  return { ...found, out: slid(from, filters, found.strides, found.dilations, found.pad, from[3] * filters[3]) };
}

function depthwiseConv2d(given) {
  const [x, w] = [image('input', given.input), image('filter', given.filter)];
  const { strides, dilations, pad } = depthwise(given, x.shape, w.shape, [2]);
  const [input, filter] = [tensor(x), tensor(w)];
  return () => tf.depthwiseConv2d(input, filter, strides, pad, 'NHWC', dilations);
}

function depthwiseConv2dBackpropInput(given) {
  const [y, w] = [image('out_backprop', given.out_backprop), image('filter', given.filter)];
  const full = shape('input_sizes', given.input_sizes);
  const { strides, dilations, pad, out } = depthwise(given, full, w.shape, [4]);
  fits('out_backprop', y.shape, out);
  const [slope, filter, at] = [tensor(y), tensor(w), tf.zeros(full)];
  return () => tf.grad((x) => tf.depthwiseConv2d(x, filter, strides, pad, 'NHWC', dilations))(at, slope);
}

function depthwiseConv2dBackpropFilter(given) {
  const [x, y] = [image('input', given.input), image('out_backprop', given.out_backprop)];
  const sizes = shape('filter_sizes', given.filter_sizes);
  const { strides, dilations, pad, out } = depthwise(given, x.shape, sizes, [4]);
  fits('out_backprop', y.shape, out);
  const [input, slope, at] = [tensor(x), tensor(y), tf.zeros(sizes)];
  return () => tf.grad((w) => tf.depthwiseConv2d(input, w, strides, pad, 'NHWC', dilations))(at, slope);
}

/** Return which axis holds the channels: the second or the last. */
function channels({ shape: { length } }, second) {
  check(length >= (second ? 3 : 2), `a value of rank ${length}`);
  return second ? 1 : length - 1;
}

/** Return the shape of a bias along an axis. */
const along = (value, axis) => value.shape.map((size, at) => (at === axis ? size : 1));

function biasAdd(given) {
  const { value, bias, data_format: format } = given;
  check(/^NC|^N.*C$/.test(format ?? 'NHWC'), `data_format ${format}`);
  const axis = channels(value, format?.startsWith('NC'));
  fits('bias', bias.shape, [value.shape[axis]]);
  check(value.dtype === bias.dtype, `${value.dtype} and ${bias.dtype}`);
  const [x, added] = [tensor(offered(value, INTEGERS_TOO)), tensor(bias).reshape(along(value, axis))];
  return () => tf.add(x, added);
}

function biasAddGrad(given) {
  const { out_backprop: y, data_format: format } = given;
  const axis = channels(y, layout(format) === 'NCHW');
  const [slope, zeros, at] = [tensor(offered(y)), tf.zeros(y.shape), tf.zeros(along(y, axis))];
  return () => tf.grad((bias) => tf.add(zeros, bias))(at, slope).reshape([-1]);
}

/** Read what every pool has. */
function pool(given, from, { explicit = false } = {}) {
  channelsLast(given.data_format);
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
  const x = image('input', given.input, INTEGERS_TOO);
  const { ksize, strides, pad } = pool(given, x.shape, { explicit: true });
  const input = tensor(x);
  return () => tf.maxPool(input, ksize, strides, pad);
}

function maxPoolWithArgmax(given) {
  const x = image('input', given.input, INTEGERS_TOO);
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
  fits('grad', y.shape, out);
  fits('orig_output', image('orig_output', given.orig_output).shape, out);
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
  fits('grad', y.shape, out);
  const [slope, at] = [tensor(y), tf.zeros(from)];
  return () => tf.grad((x) => tf.avgPool(x, ksize, strides, pad))(at, slope);
}

function maxUnpool(given) {
  const { input, argmax, include_batch_in_index: inBatch } = given;
  check(input?.shape?.length === 4 && ['int32', 'int64'].includes(argmax?.dtype), 'input or argmax');
  fits('argmax', argmax.shape, input.shape);
  const full = shape('output_shape', given.output_shape);
  check(full[0] === input.shape[0], `output_shape has batch ${full[0]}, not ${input.shape[0]}`);
  const [cells, values] = [full.slice(1).reduce((product, size) => product * size, 1), input.values?.length ?? 0];
  const end = inBatch ? full[0] * cells : cells;
  const own = (place) => (inBatch ? 0 : Math.floor((place * full[0]) / values) * cells);
  const flat = Array.from(argmax.values, Number);
  check(flat.every((index) => index >= 0 && index < end), `an index outside 0 .. ${end - 1}`);
  const updates = tensor(offered(input, INTEGERS_TOO)).flatten();
  const indices = tf.tensor2d(flat.map((index, place) => index + own(place)), [values, 1], 'int32');
  return () => tf.scatterND(indices, updates, [full[0] * cells]).reshape(full);
}

/** Check a noise_shape: it broadcasts to x. */
function noiseShape(noise, x) {
  if (noise === undefined || noise === null) return undefined;
  check(Array.isArray(noise) && noise.length <= x.length, 'noise_shape is no list, or a longer one than the shape');
  const last = x.slice(x.length - noise.length);
  const fitting = (size, axis) => size === 1 || size === last[axis] || (size === null && noise.length === x.length);
  check(noise.every(fitting), `noise_shape [${noise}] of [${x}]`);
  return noise;
}

function dropout(given) {
  const { x, rate, noise_shape: noise, seed, global_seed: globalSeed } = given;
  if (rate?.array !== undefined) throw new NotOffered('the rate is a number');
  check(typeof rate === 'number' && rate >= 0 && rate < 1, `rate ${JSON.stringify(rate)} is outside [0, 1)`);
  check(['float16', 'bfloat16', 'float32', 'float64'].includes(x.dtype), `x is ${x.dtype}`);
  const [input, drawn] = [tensor(offered(x)), rate === 0 ? undefined : noiseShape(noise, x.shape)];
  return () => tf.dropout(input, rate, drawn, seed ?? globalSeed ?? undefined);
}

export const OPS = {
  conv2d,
  conv2d_transpose: conv2dTranspose,
  conv2d_backprop_input: conv2dBackpropInput,
  conv2d_backprop_filter: conv2dBackpropFilter,
  depthwise_conv2d: depthwiseConv2d,
  depthwise_conv2d_backprop_input: depthwiseConv2dBackpropInput,
  depthwise_conv2d_backprop_filter: depthwiseConv2dBackpropFilter,
  bias_add: biasAdd,
  bias_add_grad: biasAddGrad,
  max_pool: maxPool,
  max_pool_with_argmax: maxPoolWithArgmax,
  max_pool_grad: maxPoolGrad,
  avg_pool: avgPool,
  avg_pool_grad: avgPoolGrad,
  max_unpool: maxUnpool,
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
