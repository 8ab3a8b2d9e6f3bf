// The tests' side: the solution is a proxy, and every check is told to the judge
// over a descriptor that the candidate's process does not have.
const vm = require('vm');
const Module = require('module');
const crypto = require('crypto');
const util = require('util');
const JUDGE = 4;
const tell = (message) => send(JUDGE, message);
const remotes = new Map();
const numberOf = new WeakMap();
const expected = new Set(); // objects that the tests constructed
const offered = [];
let told = 0;
let dead = null;
let called = 0; // calls of the solution's functions
const lowered = new Set();

function low(why) {
  if (!lowered.has(why)) tell({ low: why });
  lowered.add(why);
}

class CandidateEnded extends Error {}

function check(name, passed, message = '') {
  told++;
  tell({ check: String(name).slice(0, 200), passed: Boolean(passed), message: String(message).slice(0, 2000) });
}

function ask(request) {
  if (dead) throw new CandidateEnded(dead);
  if (request.op === 'call' || request.op === 'new') called++;
  request.id = crypto.randomBytes(8).toString('hex');
  let reply;
  try {
    send(3, request);
    for (;;) {
      reply = receive(3);
      if ('cb' in reply) {
        let back;
        try { back = { result: encode(offered[reply.cb](...(reply.args || []).map((a) => decode(a, remote))), offer) }; } catch (e) { back = { raised: String(e && e.message) }; }
        send(3, back);
        continue;
      }
      break;
    }
    if (reply.id !== request.id) throw new Lost('an answer that was not asked for');
    if (!reply.error) return { value: decode(reply.value, remote), same: reply.same, changed: reply.changed };
  } catch (e) {
    dead = 'the solution\'s process ended or sent something unexpected (' + e.message + ')';
    throw new CandidateEnded(dead);
  }
  throw makeError(reply.error);
}

function makeError(form) {
  if (form.thrown !== undefined && form.thrown !== null) return decode(form.thrown, () => null);
  const known = { TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError };
  const Kind = Object.prototype.hasOwnProperty.call(known, form.name) ? known[form.name] : Error;
  const e = new Kind(String(form.message));
  if (Kind === Error && typeof form.name === 'string') e.name = form.name;
  for (const [k, v] of Object.entries(form.own || {})) { try { e[k] = decode(v, () => null); } catch (_) { /* left out */ } }
  return e;
}

function offer(value) {
  const number = numberOf.get(value);
  if (number !== undefined) return { h: number };
  if (typeof value === 'function') { offered.push(value); return { cb: offered.length - 1 }; }
  const plain = {};
  for (const k of Object.keys(Object(value))) plain[k] = value[k];
  return encode(plain, offer);
}

const unwrap = (args) => args.map((a) => encode(a, offer));

function invoke(request, args) {
  const { value, same, changed } = ask({ op: 'call', ...request, args: unwrap(args) });
  for (const [i, form] of changed || []) assign(args[i], decode(form, remote));
  return Number.isInteger(same) && same >= 0 && same < args.length ? args[same] : value;
}

// assign makes an argument what the solution made of its copy.
function assign(target, value) {
  if (isArray(target) && isArray(value)) { target.length = 0; target.push(...value); return; }
  if (target instanceof Map || target instanceof Set) {
    target.clear();
    for (const v of value) target instanceof Map ? target.set(v[0], v[1]) : target.add(v);
    return;
  }
  for (const k of Object.keys(target)) if (!(k in value)) delete target[k];
  Object.assign(target, value);
}

// remote is the proxy of an object in the candidate's process.
function remote(data) {
  const number = data.h;
  if (!Number.isInteger(number)) throw new Lost('unexpected handle');
  if (remotes.has(number)) return remotes.get(number);
  if (data.promise) {
    const promise = Promise.resolve().then(() => ask({ op: 'await', h: number }).value);
    remotes.set(number, promise);
    return promise;
  }
  const made = new Proxy(data.kind === 'function' ? function () {} : {}, {
    apply: (_, self, args) => invoke({ h: number }, args),
    construct: (_, args) => {
      const { value } = ask({ op: 'new', h: number, args: unwrap(args) });
      if (numberOf.has(Object(value))) expected.add(numberOf.get(value));
      return Object(value);
    },
    get: (_, name) => {
      if (name === Symbol.iterator) {
        return () => {
          const iterator = ask({ op: 'iterate', h: number }).value;
          expected.add(numberOf.get(iterator));
          return { next: () => iterator.next(), [Symbol.iterator]() { return this; } };
        };
      }
      if (name === Symbol.toPrimitive) return (hint) => ask({ op: 'primitive', h: number, hint }).value;
      if (name === Symbol.hasInstance) return (v) => numberOf.has(v) && ask({ op: 'instance', h: numberOf.get(v), of: number }).value === true;
      if (typeof name === 'symbol') return undefined;
      // An object that the tests did not construct may stand where they expect a plain value.
      if (data.kind !== 'function' && !data.error && !expected.has(number) && name !== 'then') low('an object that the solution handed out decides a check');
      const { value } = ask({ op: 'get', h: number, name });
      if (typeof value === 'function' && name !== 'constructor') return (...args) => invoke({ h: number, method: name }, args);
      return value;
    },
    set: (_, name, value) => { ask({ op: 'set', h: number, name, args: unwrap([value]) }); return true; },
    has: (_, name) => typeof name === 'string' && ask({ op: 'has', h: number, name }).value === true,
    ownKeys: (target) => data.kind === 'function' ? Reflect.ownKeys(target) : ask({ op: 'keys', h: number }).value.filter((k) => typeof k === 'string'),
    getOwnPropertyDescriptor: (target, name) => {
      const own = Reflect.getOwnPropertyDescriptor(target, name);
      if (own && !own.configurable) return own;
      return typeof name === 'string' && data.kind !== 'function' ? { value: ask({ op: 'get', h: number, name }).value, enumerable: true, configurable: true, writable: true } : own;
    },
    getPrototypeOf: (target) => (data.error ? Error.prototype : Object.getPrototypeOf(target)),
  });
  numberOf.set(made, number);
  remotes.set(number, made);
  return made;
}

// What counts as a check.

function describe(e) {
  if (e instanceof CandidateEnded) return e.message;
  if (e && e.code === 'ERR_ASSERTION') return String(e.message).split('\n').slice(0, 8).join(' ');
  return e instanceof Error ? e.name + ': ' + e.message : 'threw ' + util.inspect(e).slice(0, 300);
}

let inTest = 0;
let asserted = 0;

function counted(name, f) {
  return function (...args) {
    const label = name + ' #' + (++asserted);
    if (inTest) return f.apply(this, args);
    let failure = null;
    const settle = (e) => check(label, !e, e ? describe(e) : '');
    try {
      const result = f.apply(this, args);
      if (result && typeof result.then === 'function') { const p = result.then(() => settle(null), settle); waits.push(p); return p; }
    } catch (e) {
      if (e instanceof CandidateEnded) { check(label, false, describe(e)); throw e; }
      failure = e;
    }
    settle(failure);
    return undefined;
  };
}

const waits = [];
const plainAssert = require('assert');

function makeAssert(source) {
  const made = counted('assert', source);
  for (const key of Object.keys(source)) made[key] = typeof source[key] === 'function' && key !== 'AssertionError' ? counted('assert.' + key, source[key]) : source[key];
  return made;
}

const assert = makeAssert(plainAssert);
assert.strict = makeAssert(plainAssert.strict);
assert.AssertionError = plainAssert.AssertionError;

console.assert = counted('console.assert', (condition, ...message) => {
  if (!condition) throw new plainAssert.AssertionError({ message: message.map(String).join(' ') || 'does not hold' });
});

function expect(got) {
  const matchers = (negated) => {
    const matcher = (f) => (...args) => {
      let held = true, why = '';
      try { f(...args); } catch (e) { if (e instanceof CandidateEnded) throw e; held = false; why = e.message; }
      if (held === negated) throw new plainAssert.AssertionError({ message: why || 'holds, although it should not' });
    };
    const that = (test, say) => { if (!test) throw new plainAssert.AssertionError({ message: 'got ' + util.inspect(got).slice(0, 300) + ', expected ' + say }); };
    const show = (v) => util.inspect(v).slice(0, 300);
    return {
      toBe: matcher((w) => that(Object.is(got, w), show(w))),
      toEqual: matcher((w) => plainAssert.deepEqual(strip(got), strip(w))),
      toStrictEqual: matcher((w) => plainAssert.deepStrictEqual(got, w)),
      toBeCloseTo: matcher((w, digits = 2) => that(typeof got === 'number' && Math.abs(got - w) < Math.pow(10, -digits) / 2, show(w))),
      toBeTruthy: matcher(() => that(got, 'something truthy')), toBeFalsy: matcher(() => that(!got, 'something falsy')),
      toBeNull: matcher(() => that(got === null, 'null')), toBeUndefined: matcher(() => that(got === undefined, 'undefined')),
      toBeDefined: matcher(() => that(got !== undefined, 'a value')), toBeNaN: matcher(() => that(Number.isNaN(got), 'NaN')),
      toContain: matcher((w) => that([...got].includes(w) || typeof got === 'string' && got.includes(w), 'it to contain ' + show(w))),
      toHaveLength: matcher((n) => that(got.length === n, 'length ' + n)),
      toHaveProperty: matcher((k, ...v) => that(k in Object(got) && (!v.length || util.isDeepStrictEqual(got[k], v[0])), 'property ' + k)),
      toBeGreaterThan: matcher((w) => that(typeof got === 'number' && got > w, '> ' + w)), toBeLessThan: matcher((w) => that(typeof got === 'number' && got < w, '< ' + w)),
      toBeGreaterThanOrEqual: matcher((w) => that(typeof got === 'number' && got >= w, '>= ' + w)), toBeLessThanOrEqual: matcher((w) => that(typeof got === 'number' && got <= w, '<= ' + w)),
      toMatch: matcher((w) => that(typeof got === 'string' && (w instanceof RegExp ? w.test(got) : got.includes(w)), String(w))),
      toBeInstanceOf: matcher((w) => that(got instanceof w, 'an instance of ' + w.name)),
      toThrow: matcher((w) => {
        let thrown = null, did = false;
        try { got(); } catch (e) { if (e instanceof CandidateEnded) throw e; thrown = e; did = true; }
        that(did, 'it to throw');
        if (typeof w === 'string') that(String(thrown && thrown.message).includes(w), 'it to throw ' + w);
        if (w instanceof RegExp) that(w.test(String(thrown && thrown.message)), 'it to throw ' + w);
        if (typeof w === 'function' && !numberOf.has(w)) that(thrown instanceof w, 'it to throw ' + w.name);
      }),
    };
  };
  const all = matchers(false);
  all.not = matchers(true);
  all.resolves = new Proxy({}, { get: (_, k) => async (...args) => expect(await got)[k](...args) });
  all.rejects = new Proxy({}, { get: (_, k) => async (...args) => { let thrown; let did = false; try { await got; } catch (e) { thrown = e; did = true; } return expect(did ? () => { throw thrown; } : () => 0)[k](...args); } });
  return all;
}

const strip = (v) => (v !== null && typeof v === 'object' && Object.getPrototypeOf(v) === Object.prototype ? Object.fromEntries(Object.entries(v).filter(([, x]) => x !== undefined).map(([k, x]) => [k, strip(x)])) : v);

const queue = [];
let before = [];
let after = [];
let path = [];

function test(name, body) { queue.push({ name: [...path, name].join(' > '), body, before: [...before], after: [...after] }); }

function suite(name, body) {
  const kept = [before, after];
  before = [...before];
  after = [...after];
  path.push(name);
  try { body(); } finally { path.pop(); [before, after] = kept; }
}

const each = (f) => (rows) => (name, body) => rows.forEach((row, i) => f(util.format(name, ...(isArray(row) ? row : [row])) + ' #' + (i + 1), () => body(...(isArray(row) ? row : [row]))));
test.each = each(test);
suite.each = each(suite);
test.skip = suite.skip = () => {};

async function run() {
  const job = receive(JUDGE);
  const stem = job.module;
  const source = job.tests.join('\n;\n');
  const words = [...new Set(source.match(/[A-Za-z_$][\w$]*/g) || [])];
  let names = [];
  try { names = ask({ op: 'names', names: words }).value; } catch (e) { check('the tests run to their end', false, describe(e)); }
  const reserved = new Set(['assert', 'console', 'require', 'module', 'exports', 'expect', 'test', 'it', 'describe', 'process', 'globalThis', 'global']);
  // A solution that defines Math must not judge itself by it.
  const bound = names.filter((n) => typeof n === 'string' && words.includes(n) && !reserved.has(n) && (n === job.entry_point || !(n in globalThis)));
  const declared = (n) => new RegExp('(?:^|[\\n;{])\\s*(?:const|let|var|function|class|import)\\b[^=;\\n]*\\b' + n.replace(/\$/g, '\\$') + '\\b').test(source);
  const solution = new Proxy({}, { get: (_, n) => (typeof n === 'string' ? ask({ op: 'find', name: n }).value : undefined), has: () => true });
  const original = Module._load;
  Module._load = function (request, ...rest) {
    const base = String(request).replace(/^.*\//, '').replace(/\.[cm]?js$/, '');
    if (/^(node:)?assert(\/strict)?$/.test(request)) return request.endsWith('strict') ? assert.strict : assert;
    if (request === '@jest/globals' || request === 'vitest') return { test, it: test, describe: suite, expect, beforeEach: (f) => before.push(f), afterEach: (f) => after.push(f) };
    if (/^node:test$/.test(request)) { const t = test; return Object.assign(t, { test: t, it: t, describe: suite }); }
    if (request.startsWith('.') && base === stem) { const whole = ask({ op: 'find', name: '' }).value; return whole === undefined ? solution : typeof whole === 'function' ? whole : solution; }
    return original.call(this, request, ...rest);
  };
  Object.assign(globalThis, { assert, expect, test, it: test, describe: suite, beforeEach: (f) => before.push(f), afterEach: (f) => after.push(f), beforeAll: (f) => f(), afterAll: () => {}, require: Module.createRequire(process.cwd() + '/tests.js'), module: { exports: {} }, exports: {} });
  for (const n of bound) if (!declared(n)) globalThis[n] = ask({ op: 'find', name: n }).value;
  try {
    for (const text of job.tests) {
      const plain = text.replace(/^import\s+\{([^}]*)\}\s+from\s+(['"][^'"]+['"]);?/gm, (_, what, from) => 'const {' + what.replace(/\bas\b/g, ':') + '} = require(' + from + ');')
        .replace(/^import\s+(?:\*\s+as\s+)?(\w+)\s+from\s+(['"][^'"]+['"]);?/gm, 'const $1 = require($2);');
      const result = vm.runInThisContext(plain, { filename: 'tests.js' });
      if (result && typeof result.then === 'function') await result;
    }
    await Promise.all(waits);
    for (const t of queue) {
      let failure = null;
      inTest++;
      try {
        for (const f of t.before) await f();
        await t.body();
        for (const f of t.after) await f();
      } catch (e) { failure = e; }
      inTest--;
      check(t.name, failure === null, failure === null ? '' : describe(failure));
    }
  } catch (e) {
    check('the tests run to their end', false, describe(e));
  }
  if (told === 0 && called > 0 && /\bthrow\b/.test(source)) {
    low('the tests throw where they fail, and came to their end');
    check('the tests run to their end', true);
  }
  if (dead) check('the solution answers to the end', false, dead);
  tell({ done: told, nonce: job.nonce });
  process.exit(0);
}

run();
