// The same machine as `programs.py`, on Node's own net: runs programs and traces what they do.
'use strict'

// Whether a socket that connects has an address depends in Node on who has asked before.
const HIDDEN = ['address', 'localAddress', 'localFamily', 'localPort']
const ROUNDS = { false: 3, true: 25 }

module.exports = function run (t, { net, stream }, programs, done) {
  const next = (index) => {
    if (index === programs.length) return done()
    runOne(programs[index], () => next(index + 1))
  }

  function runOne (program, done) {
    const parties = {}
    const ports = new Set()
    let accepted = 0
    let lines = 0
    let over = false
    const say = (label, ...values) => {
      if (over) return
      lines++
      t(`${program.name}.${label}`, ...values)
    }

    function given (party, value) {
      if (value === null || typeof value !== 'object') return value
      if (Array.isArray(value)) return value.map((inner) => given(party, inner))
      if ('bytes' in value) return Buffer.from(value.bytes, 'latin1')
      if ('fill' in value) return Buffer.alloc(value.fill, 'x')
      if ('repeat' in value) return value.repeat.repeat(value.times)
      if ('error' in value) return new Error(value.error)
      if ('call' in value) return called(party, value.call)
      if ('list' in value) return blockList(value.list)
      if ('signal!' in value) return (party.abort ||= new AbortController()).signal
      if ('onread!' in value) return onread(party, value['onread!'])
      if ('party' in value) return parties[value.party]?.self
      if ('lookup!' in value) return lookup(value['lookup!'])
      const { to, ...others } = value
      const entries = Object.entries(others).map(([key, inner]) => [key, given(party, inner)])
      return { ...Object.fromEntries(entries), ...(to && place(to)) }
    }

    function called (party, operations) {
      const number = party.callbacks = (party.callbacks || 0) + 1
      return (...args) => {
        say(`${party.name} callback ${number}`, ...args)
        performAll(operations)
      }
    }

    function place (to) {
      if (program.unix) return { path: to === 'nobody' ? t.path('nobody') : t.path(`${program.name}${to}`) }
      const port = to === 'nobody' ? 1 : to === 'any' ? 0 : parties[to].port || 1
      return { port, host: '127.0.0.1' }
    }

    function blockList (rules) {
      const list = new net.BlockList()
      for (const [address, family] of rules) list.addAddress(address, family)
      return list
    }

    function onread (party, { size, answers, several }) {
      const left = [...answers]
      return {
        buffer: several ? () => Buffer.alloc(size) : Buffer.alloc(size),
        callback: (count, buffer) => {
          say(`${party.name} onread`, count, buffer.subarray(0, count))
          return left.shift()
        },
      }
    }

    function lookup ({ answer, later }) {
      return (host, options, callback) => {
        const all = options.all && Array.isArray(answer)
        const say = () => typeof answer === 'string'
          ? callback(new Error(answer))
          : all ? callback(null, answer.map(([address, family]) => ({ address, family })))
            : callback(null, ...answer[0])
        if (later) process.nextTick(say)
        else say()
      }
    }

    function follow (name, self, description = {}) {
      const reactions = {}
      for (const [event, all] of Object.entries(description.reactions || {})) {
        reactions[event] = [...all]
      }
      const made = { name, self, reactions, last: {}, listeners: {} }
      const previous = parties[name]
      if (previous) made.abort = previous.abort
      parties[name] = made
      const events = name[0] === 's' ? program.serverEvents : program.socketEvents
      for (const event of [...events, 'data', 'readable']) {
        made.listeners[event] = (...args) => {
          if (event === 'connection') args = [accept(args[0])]
          if (event === 'listening' || event === 'error') made.listens = false
          made.closed = event === 'close' || (made.closed && event === 'error')
          if (event === 'listening' && !program.unix) {
            made.port = t.port(self.address().port)
            ports.add(made.port)
          }
          if (event === 'drop' && args[0]) args = [{ ...args[0], remotePort: known(args[0].remotePort) }]
          if (event === 'pipe' || event === 'unpipe') args = []
          if (event !== 'data' || !program.large) {
            say(`${name} ${event}`, ...args)
            look(made, event)
          }
          react(made, event)
        }
      }
      for (const event of events) {
        if (event !== 'error' || !description.silent) self.on(event, made.listeners[event])
      }
      if (description.hears) self.on(description.hears, made.listeners[description.hears])
      return made
    }

    function accept (socket) {
      if (over) return void socket.destroy()
      const name = `a${accepted++}`
      const description = program.accepted[name] || {}
      look(follow(name, socket, description))
      performAll(description.begin || [])
      return name
    }

    function react (made, event) {
      const operations = (made.reactions[event] || []).shift()
      if (operations) performAll(operations)
    }

    const known = (port) => !port || ports.has(port) ? port : 'a port'

    function look (made, event) {
      if (over) return
      const { name, self, last } = made
      const properties = name[0] === 's' ? program.serverProperties : program.socketProperties
      const changed = {}
      for (const property of properties) {
        let value = self[property]
        if (typeof value === 'function') value = value.call(self)
        if (property === 'errored' && value) value = value.message
        if (/Port$/.test(property)) value = known(value)
        if (property === 'address' && value?.port) value = { ...value, port: known(value.port) }
        if (value === undefined || JSON.stringify(value) === '{}') value = null
        if ((event === 'connectionAttemptFailed' || self.connecting) && HIDDEN.includes(property)) continue
        if (property === 'bytesWritten' && self.errored) continue
        if (property === 'address' && name[0] === 's' && !self.listening) value = null
        const text = JSON.stringify(value)
        if (last[property] !== text) changed[property] = value === null ? 'null' : value
        last[property] = text
      }
      if (Object.keys(changed).length) say(`${name} is`, changed)
    }

    function performAll (operations) {
      for (const operation of operations) perform(operation)
    }

    function perform ([name, op, ...args]) {
      if (over) return
      if (op === 'make') return void make(name)
      const made = parties[name]
      if (!made) return void say(`${name} ${op}`, 'nobody')
      if (op === 'connect' && !mayConnect(made)) return
      // Node fails to, and leaves the connection open for ever.
      if (op === 'resetAndDestroy' && made.self.writableEnded && !made.self.writableFinished) return
      let result
      try {
        result = operate(made, op, args)
      } catch (error) {
        say(`${name} ${op} threw`, error)
        return
      }
      if (op === 'listen') made.listens = true
      if (op === 'close') made.listens = false
      if (result === made.self) result = 'self'
      say(`${name} ${op}`, result)
    }

    // What a second connection of one socket does in Node, the address decides.
    function mayConnect ({ self, closed }) {
      if (self.connecting || !self.pending || (self.destroyed && !closed)) return false
      return self.writableFinished || !self.writableEnded
    }

    function make (name) {
      const description = program.parties[name]
      const party = { name }
      try {
        const options = given(party, description.options || {})
        if (name[0] === 's') follow(name, net.createServer(options), description)
        else if (description.connects) {
          follow(name, net.connect({ ...options, ...given(party, description.connects) }), description)
        } else follow(name, new net.Socket(options), description)
      } catch (error) {
        say(`${name} make threw`, error)
        return
      }
      parties[name].abort = party.abort
      look(parties[name])
    }

    function operate (made, op, args) {
      const { self, name, listeners } = made
      switch (op) {
        case 'tick': process.nextTick(performAll, args); return
        case 'micro': queueMicrotask(() => performAll(args)); return
        case 'on': self.on(args[0], listeners[args[0]]); return
        case 'off': self.removeListener(args[0], listeners[args[0]]); return
        case 'set': self[args[0]] = args[1]; return
        case 'get': return self[args[0]]
        case 'abort': made.abort?.abort(); return
        case 'readAll': {
          let chunk
          while ((chunk = self.read()) !== null) say(`${name} chunk`, program.large ? null : chunk)
          return
        }
        case 'pipe': parties[args[0]] && self.pipe(parties[args[0]].self, args[1]); return
        case 'unpipe': self.unpipe(parties[args[0]]?.self); return
        case 'watch': stream.finished(self, args[0], called(made, [])); return
        default: return self[op](...args.map((arg) => given(made, arg)))
      }
    }

    const rounds = ROUNDS[Boolean(program.slow)]
    const progress = () => Object.values(parties)
      .reduce((sum, { self }) => sum + (self.bytesRead || 0), lines)
    const quiet = (then, calm = 0, seen = progress(), total = 0) => setTimeout(() => setImmediate(() => {
      const now = progress()
      const busy = seen !== now ||
        Object.values(parties).some(({ self, listens }) => listens || self.connecting)
      if (busy && total < 500) quiet(then, 0, now, total + 1)
      else if (calm < rounds) quiet(then, calm + 1, seen, total + 1)
      else then()
    }), 1)

    const step = (index) => {
      if (index) for (const made of Object.values(parties)) look(made)
      if (index === program.steps.length) return end()
      say('step', index)
      try {
        performAll(program.steps[index])
      } catch (error) {
        say('step threw', error)
      }
      quiet(() => step(index + 1))
    }

    const end = () => {
      over = true
      for (const { self } of Object.values(parties)) {
        self.on('error', () => {})
        if (self.destroy) self.destroy()
      }
      close()
      quiet(() => { close(); done() })
    }

    // Twice: a server that was looking up its host listens by now.
    const close = () => {
      for (const [name, { self }] of Object.entries(parties)) if (name[0] === 's') self.close()
    }
    step(0)
  }

  next(0)
}
