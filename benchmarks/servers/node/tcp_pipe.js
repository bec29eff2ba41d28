// TCP echo through pipe: with backpressure.
'use strict';
const net = require('node:net');

const server = net.createServer((socket) => {
  socket.pipe(socket);
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
