// The same machine as `programs.py`, on Node's own sockets: runs programs and traces what they do.
'use strict'

const dgram = require('node:dgram')
const net = require('node:net')
const EVENTS = ['listening', 'connect', 'message', 'error', 'close']
// What Node's sockets do in ways of their own when they are closed, or are going to be.
const CHECKED = ['bind', 'connect', 'send', 'sendto', 'close']
const DEAD = 9

module.exports = function run (trace, programs) {
  let lines = 0
  let current = ''
  const t = (label, ...values) => { lines++; trace(label, ...values) }
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => t(`${current} uncaught`, error.code, error.message))

  const fence = dgram.createSocket('udp4')
  // Takes what is sent to somebody who is not there.
  const sink = dgram.createSocket('udp6')
  sink.bind(0, () => fence.bind(0, '127.0.0.1', () => next(0)))

  // Goes on when nothing has happened while several datagrams went round.
  function settle (done) {
    let before = lines
    let quiet = 0
    const { port } = fence.address()
    const again = () => fence.send('', port, '127.0.0.1')
    // In a turn of its own: Node reads on from a socket while something comes.
    const heard = () => setImmediate(() => {
      quiet = lines === before ? quiet + 1 : 0
      before = lines
      if (quiet < 3) return again()
      fence.removeListener('message', heard)
      done()
    })
    fence.on('message', heard)
    again()
  }

  function next (index) {
    if (index === programs.length) return [sink, fence].forEach((one) => one.close())
    current = String(index)
    runOne(index, programs[index], () => next(index + 1))
  }

  function runOne (index, program, done) {
    const made = {}
    const ports = {}
    for (const name of Object.keys(program.sockets)) make(name)
    step(0)

    function make (name) {
      const who = `${index}${name}`
      const { options, reactions, listens, listener } = program.sockets[name]
      const one = made[name] = { who, name, held: [], callbacks: 0, closed: false }
      one.reactions = reactions || {}
      one.controller = new AbortController()
      const all = value(one, options)
      if (options.lookup !== undefined) all.lookup = lookup(one, options.lookup)
      if (options.signal) all.signal = one.controller.signal
      try {
        one.socket = dgram.createSocket(all)
      } catch (error) {
        t(`${who} createSocket threw`, told(error))
        return
      }
      for (const event of EVENTS) {
        if (listens && !listens.includes(event)) continue
        one.socket.on(event, (...args) => {
          if (event === 'listening') ports[name] = one.socket.address().port
          t(`${who} ${event}`, ...args.map((arg) => shown(one, arg)))
          react(one, event)
        })
      }
    }

    function react (one, event) {
      for (const op of (one.reactions[event] || []).shift() || []) perform(one, op)
    }

    function lookup (one, way) {
      return typeof way !== 'string' ? value(one, way) : (host, family, callback) => {
        t(`${one.who} lookup`, host, family)
        const answer = () => {
          if (host === 'junk.name') callback(null, 'junk', family)
          else if (net.isIP(host)) callback(null, host, net.isIP(host))
          else if (host.startsWith('good')) callback(null, family === 4 ? '127.0.0.1' : '::1', family)
          else callback(new Error(`no ${host}`))
        }
        if (way.startsWith('sync')) answer()
        else if (way.startsWith('tick')) process.nextTick(answer)
        else if (way === 'hold') one.held.push(answer)
        else throw new Error(`${one.who} ${way}`)
      }
    }

    function value (one, data) {
      if (Array.isArray(data)) return data.map((inner) => value(one, inner))
      if (data === null || typeof data !== 'object') return data
      switch (data.$) {
        case undefined:
          return Object.fromEntries(Object.entries(data).map(([k, v]) => [k, value(one, v)]))
        case 'undefined': return undefined
        case 'number': return Number(data.text)
        case 'bytes': return Buffer.from(data.text)
        case 'zeros': return Buffer.alloc(data.size)
        case 'words': return new Uint16Array(data.size)
        case 'view': return new DataView(new ArrayBuffer(data.size))
        case 'port': return ports[data.of] || sink.address().port
        case 'function': {
          const number = ++one.callbacks
          return (...args) => {
            if (forgotten(args[0]) || (one.closed && args[0])) return
            t(`${one.who}.called ${number}`, ...args.map((arg) => shown(one, arg)))
            for (const op of data.do || []) perform(one, op)
          }
        }
        default: throw new Error(`unknown value ${data.$}`)
      }
    }

    // Errors that Node forgets to tell callbacks of.
    function forgotten (error) {
      return error?.code === 'ECANCELED' || error?.syscall === 'bind' || error?.message === 'no bad.bind'
    }

    function shown (one, result) {
      if (result === one.socket) return 'itself'
      if (result instanceof Error) return told(result)
      // After a bind that failed ours is as unbound as before, and after disconnect() it may be.
      if (result && result.port === 0 && /^[0.:]+$/.test(result.address)) return 'unbound'
      if (result && typeof result.port === 'number') return { ...result, port: portName(result.port) }
      return result
    }

    function portName (port) {
      const name = Object.keys(ports).find((key) => ports[key] === port)
      return name ? `port of ${name}` : port <= DEAD ? port : 'some port'
    }

    function told (error) {
      // Node's own words for a closed socket are those of a null pointer.
      const nothing = error instanceof TypeError && error.code === undefined
      if (nothing || error.code === 'ERR_SOCKET_DGRAM_NOT_RUNNING') return 'closed'
      const { name, code, syscall, address, hostname } = error
      if (syscall === 'getsockname') return 'unbound'
      // Ours names the address also where it was left out.
      if (syscall === 'send') return { code, syscall }
      const message = error.message.replace(/:(\d{4,5})$/, (_, port) => `:${portName(Number(port))}`)
      const port = typeof error.port === 'number' ? portName(error.port) : undefined
      return { name, code, message, syscall, address, port, hostname }
    }

    function perform (one, [method, ...args]) {
      const { socket, who } = one
      if (!socket || (one.closed && CHECKED.includes(method))) return
      const label = `${who} ${method}`
      const later = method === 'tick' || method === 'microtask'
      const given = later ? [] : value(one, args)
      try {
        switch (method) {
          case 'tick': process.nextTick(() => args.forEach((op) => perform(one, op))); return
          case 'microtask':
            queueMicrotask(() => args.forEach((op) => perform(one, op)))
            return
          case 'found':
            // Node's own words of a socket that is closed meanwhile are a TypeError.
            try { one.held.length && one.held.shift()() } catch {}
            return
          case 'abort': 
            if (program.sockets[one.name].options.signal) one.closed = true
            one.controller.abort()
            t(label)
            return
          case 'throw': break
          default:
            t(label, shown(one, socket[method](...given)))
            if (method === 'close') one.closed = true
            return
        }
      } catch (error) {
        t(`${label}${method === 'address' ? '' : ' threw'}`, told(error))
        return
      }
      throw new Error(`${who} threw`)
    }

    function snapshot () {
      for (const one of Object.values(made)) {
        if (!one.socket) continue
        for (const method of ['address', 'remoteAddress', 'getSendQueueCount']) perform(one, [method])
      }
    }

    function step (number) {
      if (number === program.steps.length) {
        for (const one of Object.values(made)) if (one.socket) perform(one, ['close'])
        settle(done)
        return
      }
      for (const [name, ...op] of program.steps[number]) {
        try {
          perform(made[name], op)
        } catch (error) {
          t(`${index} uncaught`, error.code, error.message)
        }
      }
      settle(() => { snapshot(); step(number + 1) })
    }
  }
}
