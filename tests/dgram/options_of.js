// A program for `test_system_calls_oracle`: the same as options_of.py.
const dgram = require('node:dgram')
const scenarios = JSON.parse(process.argv[2])

const next = () => {
  if (!scenarios.length) return
  const { options, place, calls, peer } = scenarios.shift()
  const socket = dgram.createSocket(options)
  socket.on('close', next)

  const bound = () => {
    for (const [name, ...args] of calls) {
      try {
        socket[name](...args)
      } catch {} // refused by the system, which the trace shows
    }
    if (!peer) return socket.close()
    socket.connect(...peer, () => {
      socket.disconnect()
      socket.close()
    })
  }

  if (place) socket.bind(place, bound)
  else bound()
}
next()
