// TensorFlow.js as a target: reads calls of the wire protocol, makes them on the plain JavaScript backend, answers.

console.log = console.error; // standard output belongs to the protocol
console.info = console.error;

const tf = await import('@tensorflow/tfjs');
const { receive, send } = await import('./frames.js');
const { CallError, NotOffered } = await import('./arguments.js');
const { OPS, wire } = await import('./ops.js');

const FLOATS = { nan: NaN, inf: Infinity, '-inf': -Infinity };

/** Return what an argument stands for: an array of the payload, a special float, or itself. */
function value(entry, arrays) {
  if (Array.isArray(entry)) return entry.map((item) => value(item, arrays));
  if (entry === null || typeof entry !== 'object') return entry;
  if ('tensor' in entry) return arrays[entry.tensor];
  if ('float' in entry) return FLOATS[entry.float];
  return { ...entry, array: value(entry.array, arrays) };
}

/** Make one call; return the header and the arrays of its answer. */
function answered(header, arrays) {
  const { number, op } = header;
  const entries = Object.entries(header.arguments).map(([name, entry]) => [name, value(entry, arrays)]);
  let started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  try {
    if (!(op in OPS)) throw new NotOffered(`no ${op}`);
    const run = OPS[op](Object.fromEntries(entries));
    started = performance.now();
    const results = [run()].flat().map(wire);
    const spent = seconds();
    const bits = (found) => JSON.stringify(found.map(({ values }) => [...new Uint8Array(values.buffer)]));
    const repeatable = header.repeat ? bits(results) === bits([run()].flat().map(wire)) : null;
    return [{ kind: 'returned', number, seconds: spent, repeatable }, results];
  } catch (error) {
    if (error instanceof NotOffered) return [{ kind: 'unsupported', number, reason: error.message }, []];
    const type = error instanceof CallError ? 'tfjs.CallError' : `tfjs.${error?.name ?? 'Error'}`;
    return [{ kind: 'raised', number, type, message: String(error?.message ?? error), seconds: seconds() }, []];
  }
}

receive();
await tf.setBackend('cpu');
await tf.ready();
const about = { versions: { tfjs: tf.version.tfjs, node: process.version }, devices: ['CPU'], ops: Object.keys(OPS) };
send({ kind: 'ready', protocol: 1, about });
for (;;) {
  const { header, arrays } = receive();
  tf.engine().startScope();
  const [answer, results] = answered(header, arrays);
  send(answer, results);
  tf.engine().endScope();
}
