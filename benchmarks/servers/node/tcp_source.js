// A source: writes for as long as the client takes it.
'use strict';
const net = require('node:net');
const chunk = Buffer.alloc(65536, 'x');

const server = net.createServer((socket) => {
  const pump = () => { while (socket.write(chunk)); };
  socket.on('drain', pump);
  socket.on('error', () => {});
  pump();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
