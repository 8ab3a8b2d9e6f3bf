'use strict';
// Frames and values, as py/wire.py: four bytes of length and JSON. Plain values
// travel by value, everything else as a handle. All that this program needs is
// taken before a candidate is loaded.
const fs = require('fs');
const { readSync, writeSync } = fs;
const { isArray } = Array;
const { parse, stringify } = JSON;
const objectProto = Object.prototype;
const MAX_FRAME = 16 << 20;

function readExactly(fd, size) {
  const buffer = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const n = readSync(fd, buffer, at, size - at, null);
    if (n <= 0) throw new Lost('the other side ended early');
    at += n;
  }
  return buffer;
}

class Lost extends Error {}

function receive(fd) {
  const size = readExactly(fd, 4).readUInt32BE(0);
  if (size > MAX_FRAME) throw new Lost('a frame is too large');
  let message;
  try { message = parse(readExactly(fd, size).toString('utf8')); } catch (e) { throw new Lost('a frame is not JSON'); }
  if (message === null || typeof message !== 'object') throw new Lost('a frame is not an object');
  return message;
}

function send(fd, message) {
  const body = Buffer.from(stringify(message), 'utf8');
  if (body.length > MAX_FRAME) throw new Error('a value is too large to be sent');
  const frame = Buffer.alloc(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  let at = 0;
  while (at < frame.length) at += writeSync(fd, frame, at);
}

function encode(value, handle, depth = 0) {
  if (depth > 200) throw new Error('a value nests too deeply to be sent');
  switch (typeof value) {
    case 'undefined': return { n: 'undefined' };
    case 'boolean': case 'string': return value;
    case 'bigint': return { i: value.toString() };
    case 'number': return Number.isFinite(value) && !Object.is(value, -0) ? value : { f: Object.is(value, -0) ? '-0' : String(value) };
    case 'symbol': case 'function': return handle(value);
  }
  if (value === null) return null;
  if (isArray(value)) {
    const out = [];
    for (let i = 0; i < value.length; i++) out.push(encode(value[i], handle, depth + 1));
    return out;
  }
  const proto = Object.getPrototypeOf(value);
  if (proto === objectProto || proto === null) return { d: Object.keys(value).map((k) => [k, encode(value[k], handle, depth + 1)]) };
  if (proto === Map.prototype) return { m: [...value].map(([k, v]) => [encode(k, handle, depth + 1), encode(v, handle, depth + 1)]) };
  if (proto === Set.prototype) return { s: [...value].map((v) => encode(v, handle, depth + 1)) };
  if (proto === Date.prototype) return { D: value.getTime() };
  return handle(value);
}

function decode(data, handle, depth = 0) {
  if (depth > 400) throw new Lost('a value nests too deeply');
  if (data === null || typeof data !== 'object') return data;
  const all = (list) => list.map((v) => decode(v, handle, depth + 1));
  if (isArray(data)) return all(data);
  if ('n' in data) return undefined;
  if ('i' in data) return BigInt(data.i);
  if ('f' in data) return data.f === '-0' ? -0 : Number(data.f);
  if ('d' in data) {
    const out = {};
    for (const [k, v] of data.d) Object.defineProperty(out, String(k), { value: decode(v, handle, depth + 1), enumerable: true, writable: true, configurable: true });
    return out;
  }
  if ('m' in data) return new Map(data.m.map((pair) => all(pair)));
  if ('s' in data) return new Set(all(data.s));
  if ('D' in data) return new Date(data.D);
  return handle(data);
}
