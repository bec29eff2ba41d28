// UDP echo: every datagram goes back to its sender.
'use strict';
const dgram = require('node:dgram');

const socket = dgram.createSocket('udp4');
socket.on('message', (msg, rinfo) => socket.send(msg, rinfo.port, rinfo.address));
socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));
