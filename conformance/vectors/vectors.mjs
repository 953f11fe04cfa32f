// Judges results by a bundle of vectors (docs/vectors.md): node vectors.mjs BUNDLE RESULTS
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";

const TYPES = {
  bool: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array,
  uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array, float16: Uint16Array, bfloat16: Uint16Array,
  float32: Float32Array, float64: Float64Array, complex64: Float32Array, complex128: Float64Array,
};
const WIDEN = { float16: half, bfloat16: (bits) => new Float32Array(new Uint32Array([bits << 16]).buffer)[0] };

function half(bits) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

// The lines of a file. JSON.parse reads 1.0 as the integer 1: what has a point or an exponent becomes {float: text}.
export function lines(folder, name) {
  const marked = (text) => text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g,
    (found) => (found[0] === '"' || /^-?\d+$/.test(found) ? found : `{"float":"${found}"}`));
  return readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(marked(line)));
}

// An array of a case: its numbers, as BigInt where it holds 64-bit integers.
export function read(blob, { dtype, shape, offset }) {
  const count = shape.reduce((a, b) => a * b, dtype.startsWith("complex") ? 2 : 1);
  const bytes = count * TYPES[dtype].BYTES_PER_ELEMENT;
  const raw = new TYPES[dtype](blob.buffer.slice(blob.byteOffset + offset, blob.byteOffset + offset + bytes));
  return { dtype, shape, data: WIDEN[dtype] ? Array.from(raw, WIDEN[dtype]) : Array.from(raw) };
}

// results: what a call gave, a list of { dtype, shape, data }; null if it refused. The bundle's word for it.
export function judge(blob, { arrays, allowed }, results) {
  const array = (place) => read(blob, arrays[place]);
  const verdicts = allowed.map((option) => against(option, results, array));
  return verdicts.includes("agrees") ? "agrees" : results ? verdicts[0] : "refused-valid";
}

function against({ kind, results: sets, totals }, results, array) {
  if (kind === "unspecified" || (kind === "refused" && !results)) return "agrees";
  if (kind === "refused" || !results) return results ? "accepted-invalid" : "refused-valid";
  if (results.length !== sets.length) return "wrong-shape";
  const verdicts = results.map((result, index) => element(result, sets[index].map((set) =>
    Object.fromEntries(Object.entries(set).map(([name, place]) => [name, array(place)])))));
  const wrong = verdicts.find((verdict) => verdict !== "agrees");
  return wrong ?? (totals && !adds(results[0], array(totals.low), array(totals.high)) ? "wrong-value" : "agrees");
}

function element({ dtype, shape, data }, sets) {
  if (shape.join() !== sets[0].value.shape.join()) return "wrong-shape";
  if (dtype !== sets[0].value.dtype) return "wrong-dtype";
  const admits = ({ low, high, nan }, number, i) =>
    (low.data[i] <= number && number <= high.data[i]) || (Number.isNaN(number) && nan.data[i] === 1);
  return data.every((number, i) => sets.some((set) => admits(set, number, i))) ? "agrees" : "wrong-value";
}

// Whether the elements that share a place along the axes that low keeps add up to what is allowed, or may be infinite.
function adds({ shape, data }, low, high) {
  const sums = low.data.map(() => 0);
  data.forEach((number, i) => {
    let [place, scale] = [0, 1];
    for (let axis = shape.length - 1, rest = i; axis >= 0; rest = Math.floor(rest / shape[axis--])) {
      if (low.shape[axis] > 1) place += scale * (rest % shape[axis]);
      scale *= low.shape[axis];
    }
    sums[place] += number;
  });
  return sums.every((sum, i) => (low.data[i] <= sum && sum <= high.data[i]) || low.data[i] === -Infinity);
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const [bundle, answers] = argv.slice(2);
  const [blob, given] = [readFileSync(join(bundle, "arrays.bin")), readFileSync(join(answers, "results.bin"))];
  const cases = new Map(lines(bundle, "cases.jsonl").map((one) => [one.id, one]));
  for (const { id, arrays } of lines(answers, "results.jsonl")) {
    console.log(id, judge(blob, cases.get(id), arrays ? arrays.map((one) => read(given, one)) : null));
  }
}
