// Sends datagrams: 64 for each that it receives.
'use strict';
const dgram = require('node:dgram');

const socket = dgram.createSocket('udp4');
socket.on('message', (msg, rinfo) => {
  for (let i = 0; i < 64; i++) socket.send(msg, rinfo.port, rinfo.address);
});
socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));
