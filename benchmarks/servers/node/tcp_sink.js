// A sink: counts what it receives.
'use strict';
const net = require('node:net');
let received = 0;

const server = net.createServer((socket) => {
  socket.on('data', (chunk) => { received += chunk.length; });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
