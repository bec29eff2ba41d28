// Receives datagrams; every 64th is answered, so that the sender knows how far this side is.
'use strict';
const dgram = require('node:dgram');
let received = 0;

const socket = dgram.createSocket('udp4');
socket.on('message', (msg, rinfo) => {
  received += 1;
  if (received % 64 === 0) socket.send(msg, rinfo.port, rinfo.address);
});
socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));
