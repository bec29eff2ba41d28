// Runs one scenario (argv[2]) in Node and writes its trace as JSON lines to the descriptor
// NODENET_TRACE_FD. What a value becomes is described in oracle.py, which reads it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const descriptor = Number(process.env.NODENET_TRACE_FD);
const directory = process.env.NODENET_TRACE_DIR;
const fields = ['code', 'message', 'syscall', 'address', 'port', 'path', 'hostname', 'cause'];

function plain(text) {
  return { $: 'plain', text };
}

function encodeError(error) {
  const encoded = { $: 'error', name: error.name };
  for (const field of fields) encoded[field] = encode(error[field]);
  if (Array.isArray(error.errors)) encoded.errors = error.errors.map(encode);
  return encoded;
}

function encodeObject(value) {
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { $: 'bytes', hex: bytes.toString('hex') };
  }
  if (value instanceof Error) return encodeError(value);
  if (Array.isArray(value)) return value.map(encode);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    return plain(`<${prototype.constructor.name}>`);
  }
  const entries = Object.entries(value).map(([key, inner]) => [key, encode(inner)]);
  return { $: 'object', entries };
}

function encode(value) {
  switch (typeof value) {
    case 'undefined': return null;
    case 'function': return plain('<function>');
    case 'symbol': return plain(`<symbol ${value.description}>`);
    case 'bigint': return plain(String(value));
    case 'number': return Number.isFinite(value) ? value : plain(String(value));
    case 'object': return value === null ? null : encodeObject(value);
    default: return value;
  }
}

function record(line) {
  fs.writeSync(descriptor, `${JSON.stringify(line)}\n`);
}

function t(label, ...values) {
  record({ label, values: values.map(encode) });
}
t.port = (port) => { record({ port }); return port; };
t.path = (name) => path.join(directory, name);

const given = {
  t, fs, path, require,
  net: require('node:net'),
  dgram: require('node:dgram'),
  events: require('node:events'),
  stream: require('node:stream'),
  dns: require('node:dns'),
  os: require('node:os'),
};
const AsyncFunction = (async () => {}).constructor;
const scenario = new AsyncFunction(...Object.keys(given), process.argv[2]);

const warnings = [];
process.on('warning', (warning) => warnings.push(warning));
process.on('exit', () => warnings.forEach((warning) => t('(warning)', warning)));
process.on('uncaughtException', (error) => t('uncaughtException', error));

scenario(...Object.values(given));
