// The candidate's side: loads the program and answers one request at a time.
const vm = require('vm');
const Module = require('module');
const objects = [];
const numbers = new Map();
const pending = { request: null };

function handle(value) {
  if (foreign.has(value)) return { cb: foreign.get(value) };
  let number = numbers.get(value);
  if (number === undefined) {
    number = objects.length;
    objects.push(value);
    numbers.set(value, number);
  }
  const form = { h: number, kind: typeof value };
  if (typeof value === 'function') form.name = String(value.name || '');
  if (value !== null && typeof value === 'object') {
    form.class = String((value.constructor && value.constructor.name) || 'Object');
    if (value instanceof Error) form.error = describeError(value);
    if (typeof value.then === 'function') form.promise = true;
  }
  return form;
}

const foreign = new Map();
const callbacks = new Map();

function resolve(data) {
  if ('h' in data) return objects[data.h];
  if (!callbacks.has(data.cb)) {
    const f = (...args) => {
      send(3, { cb: data.cb, args: args.map((a) => encode(a, handle)) });
      for (;;) {
        const message = receive(3);
        if ('op' in message) { answer(message); continue; }
        if ('raised' in message) throw new Error(message.raised);
        return decode(message.result, resolve);
      }
    };
    callbacks.set(data.cb, f);
    foreign.set(f, data.cb);
  }
  return callbacks.get(data.cb);
}

function describeError(e) {
  const own = {};
  let name = 'Error', message = '';
  try { name = String((e && e.name) || 'Error'); message = String(e && e.message !== undefined ? e.message : e).slice(0, 2000); } catch (_) { /* as it is */ }
  try { for (const k of Object.keys(e)) own[k] = encode(e[k], () => null); } catch (_) { /* none */ }
  return { name, message, own, class: String((e && e.constructor && e.constructor.name) || name), thrown: e instanceof Error ? undefined : encode(e, () => null) };
}

function load(request) {
  const work = process.cwd();
  const file = request.file.replace(/^\/w(?=\/)/, () => work);
  const code = request.code.replace(/^export\s+default\s+(?=function|class|async)/gm, '').replace(/^export\s+(?=function|class|const|let|var|async)/gm, '')
    .replace(/^export\s*\{[^}]*\};?/gm, '');
  const module = new Module(file, null);
  module.filename = file;
  module.paths = Module._nodeModulePaths(work);
  global.module = module;
  global.exports = module.exports;
  global.require = Module.createRequire(file);
  global.__filename = file;
  global.__dirname = work;
  process.argv = ['node', file];
  vm.runInThisContext(code, { filename: file });
}

// find looks a name up among the program's own: globals, top-level constants and
// classes, and what it exports.
function find(name) {
  const exported = global.module.exports;
  if (name === '') return exported !== null && typeof exported !== 'undefined' && (typeof exported === 'function' || Object.keys(exported).length) ? exported : undefined;
  if (exported && Object.prototype.hasOwnProperty.call(exported, name)) return exported[name];
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return undefined;
  try { return vm.runInThisContext(name); } catch (_) { return undefined; }
}

function act(request) {
  switch (request.op) {
    case 'load': return load(request);
    case 'names': return request.names.filter((n) => !(n in builtin) && find(n) !== undefined);
    case 'find': return find(request.name);
  }
  const target = 'fn' in request ? find(request.fn) : objects[request.h];
  const args = (request.args || []).map((a) => decode(a, resolve));
  switch (request.op) {
    case 'call': {
      const result = 'method' in request ? target[request.method](...args) : target(...args);
      if (request.args) {
        const changed = [];
        args.forEach((a, i) => {
          if (a !== null && typeof a === 'object' && !('h' in Object(request.args[i]))) {
            const form = encode(a, handle);
            if (stringify(form) !== stringify(request.args[i])) changed.push([i, form]);
            if (a === result) pending.same = i;
          }
        });
        if (changed.length) pending.changed = changed;
      }
      return result;
    }
    case 'new': return new target(...args);
    case 'get': return target[request.name];
    case 'set': target[request.name] = args[0]; return undefined;
    case 'has': return request.name in target;
    case 'keys': return Reflect.ownKeys(target).filter((k) => typeof k === 'string');
    case 'instance': return target instanceof objects[request.of];
    case 'iterate': return target[Symbol.iterator]();
    case 'primitive': return request.hint === 'string' ? String(target) : typeof target[Symbol.toPrimitive] === 'function' ? target[Symbol.toPrimitive](request.hint) : target.valueOf() === target ? String(target) : target.valueOf();
  }
  throw new Error('unknown request');
}

function answer(request) {
  const reply = { id: request.id };
  delete pending.same;
  delete pending.changed;
  try {
    reply.value = encode(act(request), handle);
    if (pending.same !== undefined) reply.same = pending.same;
    if (pending.changed) reply.changed = pending.changed;
  } catch (e) {
    delete reply.value;
    reply.error = describeError(e);
  }
  send(3, reply);
}

// A promise is waited for by letting the event loop run, and answered then.
function serve() {
  for (;;) {
    let request;
    try { request = receive(3); } catch (e) { process.exit(0); }
    if (request.op === 'await') {
      Promise.resolve(objects[request.h]).then((v) => send(3, { id: request.id, value: encode(v, handle) }), (e) => send(3, { id: request.id, error: describeError(e) })).then(serve);
      return;
    }
    answer(request);
  }
}

const builtin = {};
for (const name of Object.getOwnPropertyNames(globalThis)) builtin[name] = true;
serve();
