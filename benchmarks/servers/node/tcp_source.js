// A source: writes chunks of so many bytes for as long as the client takes them.
'use strict';
const net = require('node:net');
const chunk = Buffer.alloc(Number(process.argv[2]));

const server = net.createServer((socket) => {
  const pump = () => { while (socket.write(chunk)); };
  socket.on('drain', pump);
  socket.on('error', () => {});
  pump();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
