// A relay: what a client says goes to the backend, what the backend says goes to the client.
'use strict';
const net = require('node:net');
const backendPort = Number(process.argv[2]);

const server = net.createServer((client) => {
  const backend = net.connect(backendPort, '127.0.0.1');
  client.pipe(backend);
  backend.pipe(client);
  client.on('error', () => backend.destroy());
  backend.on('error', () => client.destroy());
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
