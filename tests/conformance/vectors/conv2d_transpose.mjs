// conv2d_transpose in JavaScript, written from its page (`conformance rules conv2d_transpose`) and from nothing else.
//
// node conv2d_transpose.mjs FOLDER runs every case that `conformance vectors --op conv2d_transpose --out FOLDER` wrote
// and prints, as JSON, how many results and refusals were compared and which cases disagree.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const LARGEST = 2 ** 31 - 1;
const DTYPES = ["float16", "bfloat16", "float32", "float64", "int32"];

class Refused extends Error {}

function demand(holds, rule) {
  if (!holds) throw new Refused(`conv2d_transpose.${rule}`);
}

const within = (low, high) => (number) => Number.isInteger(number) && low <= number && number <= high;

// The op. Arrays are { dtype, shape, data() } with data in row-major order; so is what it returns.

function conv2dTranspose(call) {
  const { input, filters, output_shape, strides, padding = "SAME", dilations = null } = call;
  const layout = call.data_format ?? "NHWC";
  demand(["NHWC", "NCHW"].includes(layout), "R6");
  demand(input.shape.length === 4 && filters.shape.length === 4, "R1");
  demand(DTYPES.includes(input.dtype) && input.dtype === filters.dtype, "R2");
  const [sh, sw] = rowsAndColumns(strides, layout, "R3");
  const [dh, dw] = rowsAndColumns(dilations, layout, "R4");
  const ends = paddingOf(padding, layout);
  const [FH, FW, FI, O] = filters.shape;
  demand(FH > 0 && FW > 0 && FI > 0, "R7");
  const [N, OH, OW, channels] = toNHWC(input.shape, layout);
  const [batch, H, W, I] = outputOf(output_shape, layout, N, FI);
  const groups = I / FI;
  demand(I > 0 && Number.isInteger(groups) && Number.isInteger(O / groups), "R8");
  const top = before(OH, H, (FH - 1) * dh + 1, sh, ends === null ? padding : ends[0]);
  const left = before(OW, W, (FW - 1) * dw + 1, sw, ends === null ? padding : ends[1]);
  demand(batch === N && channels === O, "R11");

  const whole = input.dtype === "int32";
  const out = new Float64Array(N * H * W * I);
  const [small, weights] = [input.data(), filters.data()];
  const place = layout === "NHWC" ? (n, y, x, o) => ((n * OH + y) * OW + x) * O + o
                                  : (n, y, x, o) => ((n * O + o) * OH + y) * OW + x;
  const target = layout === "NHWC" ? (n, Y, X, k) => ((n * H + Y) * W + X) * I + k
                                   : (n, Y, X, k) => ((n * I + k) * H + Y) * W + X;
  for (let n = 0; n < N; n++) for (let y = 0; y < OH; y++) for (let x = 0; x < OW; x++) for (let o = 0; o < O; o++) {
    const g = Math.floor(o / (O / groups));
    const element = small[place(n, y, x, o)];
    for (let h = 0; h < FH; h++) for (let w = 0; w < FW; w++) for (let i = 0; i < FI; i++) {
      const [Y, X] = [y * sh + h * dh - top, x * sw + w * dw - left];
      if (Y < 0 || Y >= H || X < 0 || X >= W) continue;
      const [weight, cell] = [weights[((h * FW + w) * FI + i) * O + o], target(n, Y, X, g * FI + i)];
      out[cell] = whole ? (out[cell] + Math.imul(element, weight)) | 0 : out[cell] + element * weight;
    }
  }
  return { shape: layout === "NHWC" ? [N, H, W, I] : [N, I, H, W], data: out.map((sum) => rounded(sum, input.dtype)) };
}

function rowsAndColumns(value, layout, rule) {
  const entries = value === null ? [1] : Array.isArray(value) ? value : [value];
  demand([1, 2, 4].includes(entries.length) && entries.every(within(1, LARGEST)), rule);
  if (entries.length < 4) return [entries[0], entries.at(-1)];
  const [batch, rows, columns, channels] = toNHWC(entries, layout);
  demand(batch === 1 && channels === 1, rule);
  return [rows, columns];
}

function paddingOf(padding, layout) {
  if (padding === "SAME" || padding === "VALID") return null;
  const pairs = Array.isArray(padding) && padding.length === 4 && padding.every(Array.isArray);
  demand(pairs && padding.every((pair) => pair.length === 2 && pair.every(within(0, LARGEST))), "R5");
  const [batch, rows, columns, channels] = toNHWC(padding, layout);
  demand([...batch, ...channels].every((zeros) => zeros === 0), "R5");
  return [rows, columns];
}

function outputOf(given, layout, N, FI) {
  const typed = given !== null && typeof given === "object" && !Array.isArray(given);
  demand(!typed || ["int32", "int64"].includes(given.dtype), "R10");
  const sizes = typed ? given.array : given;
  demand(Array.isArray(sizes) && [2, 4].includes(sizes.length) && sizes.every(within(0, LARGEST)), "R10");
  demand(sizes.reduce((a, b) => a * b, 1) < 2 ** 60, "R10");
  return sizes.length === 4 ? toNHWC(sizes, layout) : [N, ...sizes, FI];
}

// Check the size of one axis of the output, and return the absent rows before it.
function before(small, size, reach, stride, padding) {
  if (padding === "SAME") {
    demand((small - 1) * stride < size && size <= small * stride, "R11");
    return Math.floor(Math.max((small - 1) * stride + reach - size, 0) / 2);
  }
  const [first, last] = padding === "VALID" ? [0, 0] : padding;
  const padded = first + size + last;
  demand((small - 1) * stride + reach <= padded && padded < small * stride + reach, "R9 or R11");
  return first;
}

const toNHWC = ([n, a, b, c], layout) => (layout === "NHWC" ? [n, a, b, c] : [n, b, c, a]);

// Number formats: precision, exponent of the smallest normal number, largest number.

const FORMATS = { float16: [11, -14, 65504], bfloat16: [8, -126, 3.3895313892515355e38] };

function rounded(value, dtype) {
  if (dtype === "float32") return Math.fround(value);
  if (!(dtype in FORMATS) || !Number.isFinite(value) || value === 0) return value;
  const [precision, emin, largest] = FORMATS[dtype];
  let exponent = Math.floor(Math.log2(Math.abs(value)));
  if (2 ** exponent > Math.abs(value)) exponent--; // log2 rounds
  const spacing = 2 ** (Math.max(exponent, emin) - precision + 1);
  const [below, rest] = [Math.floor(value / spacing), value / spacing - Math.floor(value / spacing)];
  const nearest = rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
  const result = nearest * spacing;
  return Math.abs(result) > largest ? Math.sign(result) * Infinity : result;
}

// The cases, read and judged by the program that lies beside them.

const folder = resolve(process.argv[2]);
const { judge, lines, read } = await import(join(folder, "vectors.mjs"));
const blob = readFileSync(join(folder, "arrays.bin"));

function results({ arguments: named, arrays }) {
  const operand = ({ tensor }) => ({ ...arrays[tensor], data: () => read(blob, arrays[tensor]).data });
  try {
    const out = conv2dTranspose({ ...named, input: operand(named.input), filters: operand(named.filters) });
    return [{ dtype: arrays[named.input.tensor].dtype, ...out }];
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

const counts = { results: 0, refusals: 0 };
const disagreeing = lines(folder, "cases.jsonl").filter((one) => {
  const given = results(one);
  counts[given ? "results" : "refusals"]++;
  return judge(blob, one, given) !== "agrees";
});
console.log(JSON.stringify({ disagreeing: disagreeing.map(({ id }) => id), ...counts }));
