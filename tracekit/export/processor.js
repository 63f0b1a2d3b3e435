// Perfetto's trace processor outside of a browser: bytes in, bytes out. Knows the engine's bundle, and nothing of what it answers.
//
// The bundle is made for a web worker: it waits for a message that carries a port, and then takes requests on that port. Here
// the worker, the port and the download of the .wasm are stand-ins, and each request comes from stdin, each piece of its answer
// goes to stdout, as four bytes of length (little-endian) and that many bytes; a length of 0 ends the answer.
'use strict';
const fs = require('fs');
const path = require('path');

const folder = process.argv[2];

class Download {
  open(_method, url) { this.file = path.join(folder, path.basename(String(url))); }
  send() {
    const bytes = fs.readFileSync(this.file);
    this.status = 200;
    this.response = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }
}

function startEngine() {
  const source = fs.readFileSync(path.join(folder, 'engine_bundle.js'), 'utf8');
  const worker = {location: {href: 'file:///engine_bundle.js'}};
  const log = (...words) => process.stderr.write(words.join(' ') + '\n');
  const stand = {
    self: worker, location: worker.location, XMLHttpRequest: Download, WorkerGlobalScope: function() {}, importScripts: () => {},
    console: {log, info: log, debug: log, warn: log, error: log},
    // Where these are missing, the bundle takes this for a worker.
    process: undefined, require: undefined, module: undefined, exports: undefined, window: undefined, document: undefined,
  };
  new Function(...Object.keys(stand), source).call(worker, ...Object.values(stand));
  const port = {postMessage: (bytes) => writePiece(Buffer.from(bytes))};
  worker.onmessage({data: port});
  return port;
}

function readExactly(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const count = fs.readSync(0, bytes, at, size - at, null);
    if (count === 0) process.exit(0);
    at += count;
  }
  return bytes;
}

function writePiece(bytes) {
  if (bytes.length) writeAll(lengthOf(bytes));
  writeAll(bytes);
}

function lengthOf(bytes) {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return size;
}

function writeAll(bytes) {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(1, bytes, at);
}

async function main() {
  const port = startEngine();
  // The engine listens before it is set up; what it still has to do waits in promises.
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  for (;;) {
    const request = readExactly(readExactly(4).readUInt32LE());
    port.onmessage({data: new Uint8Array(request)});
    writeAll(Buffer.alloc(4));
  }
}

main();
