// TCP echo by a cluster: WORKERS dealt|accept|reuse says how connections are spread.
'use strict';
const cluster = require('node:cluster');
const net = require('node:net');

const workers = Number(process.argv[2]);
const how = process.argv[3];

function served(port) {
  if (Object.keys(cluster.workers).length < workers) return fork(port);
  console.log(port, ...Object.values(cluster.workers).map((worker) => worker.process.pid));
}

function fork(port) {
  const worker = cluster.fork();
  worker.once('online', () => worker.send(how === 'reuse' ? port : 0));
  worker.once('message', served);
}

function serve(port) {
  const server = net.createServer((socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('error', () => {});
  });
  server.listen({ port, host: '127.0.0.1', reusePort: how === 'reuse' },
    () => process.send(server.address().port));
}

if (cluster.isWorker) process.once('message', serve);
else {
  if (how === 'accept') cluster.schedulingPolicy = cluster.SCHED_NONE;
  fork(0);
}
