// A line protocol: each line is answered, the answers to one chunk leave together.
'use strict';
const net = require('node:net');

const server = net.createServer((socket) => {
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    socket.cork();
    for (const line of lines) socket.write(line + '\n', 'latin1');
    socket.uncork();
  });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
