// Goes before a program in JavaScript: what `cluster_program.py` gives to one in Python.
const cluster = require('node:cluster');
const who = cluster.isPrimary ? 'P' : `W${cluster.worker.id}`;
const say = (label, ...values) => t(`${who} ${label}`, ...values.map(shown));
const shown = (value) => (value instanceof cluster.Worker ? `worker ${value.id}` : value);
const heard = (name, values) => (name === 'error' ? values.slice(0, 1) : values);
const state = (worker) => [
  worker.state, worker.isConnected(), worker.isDead(), worker.exitedAfterDisconnect,
  worker.process.exitCode, worker.process.signalCode, worker.process.killed,
];
const stay = () => setTimeout(() => {}, 60000);
const watch = (worker) => {
  for (const name of ['online', 'listening', 'message', 'disconnect', 'exit', 'error']) {
    worker.on(name, (...values) => say(`worker ${name}`, ...heard(name, values), state(worker)));
  }
  for (const name of ['spawn', 'message', 'disconnect', 'exit', 'close', 'error']) {
    worker.process.on(name, (...values) => say(`process ${name}`, ...values));
  }
  return worker;
};
const watchCluster = () => {
  for (const name of ['fork', 'online', 'listening', 'message', 'disconnect', 'exit']) {
    cluster.on(name, (...values) => {
      say(`cluster ${name}`, ...values, Object.keys(cluster.workers).map(Number));
    });
  }
};
const watchSelf = () => {
  for (const name of ['online', 'listening', 'message', 'disconnect', 'exit', 'error']) {
    cluster.worker.on(name, (...values) => {
      const { state, exitedAfterDisconnect } = cluster.worker;
      say(`worker ${name}`, ...heard(name, values), state, exitedAfterDisconnect);
    });
  }
  for (const name of ['message', 'disconnect', 'error']) {
    process.on(name, (...values) => say(`process ${name}`, ...values));
  }
};
