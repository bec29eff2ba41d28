// The same machine as `programs.py`, on Node's own streams: runs programs and traces what they do.
'use strict'

const READABLE = ['readable', 'readableAborted', 'readableDidRead', 'readableEnded',
  'readableFlowing', 'readableLength', 'readableHighWaterMark', 'readableEncoding']
const WRITABLE = ['writable', 'writableEnded', 'writableFinished',
  'writableLength', 'writableNeedDrain', 'writableCorked', 'writableHighWaterMark']
const EVENTS = ['close', 'drain', 'end', 'error', 'finish', 'pause', 'resume', 'prefinish', 'pipe',
  'unpipe']

module.exports = function run (t, stream, programs) {
  const text = (chunk) => Buffer.isBuffer(chunk) ? chunk.toString('latin1') : chunk
  const next = (index) => {
    if (index < programs.length) {
      t(`program ${index}`)
      runOne(programs[index], () => next(index + 1))
    }
  }

  function runOne (program, done) {
    const streams = {}
    let callbacks = 0
    for (const [name, description] of Object.entries(program.streams)) {
      streams[name] = make(name, description)
    }

    function make (name, { kind, options, reads, writes, reactions, silent }) {
      const held = []
      const made = { held, listeners: {} }
      const takeWrite = (label, chunk, callback) => {
        const way = (writes || []).shift() || 'sync'
        t(`${name} ${label}`, chunk, way)
        if (way === 'sync') callback()
        else if (way === 'tick') process.nextTick(callback)
        else if (way === 'hold') held.push(callback)
        else callback(new Error(way))
      }
      const all = { ...options }
      if (kind !== 'Writable') {
        all.read = () => {
          const ops = (reads || []).shift() || []
          if (!program.pushes) t(`${name} _read`)
          for (const op of ops) perform(op)
        }
      }
      if (kind !== 'Readable') {
        all.write = (chunk, encoding, callback) => takeWrite('_write', text(chunk), callback)
        if (program.writev) {
          all.writev = (chunks, callback) =>
            takeWrite('_write', chunks.map(({ chunk }) => text(chunk)).join(''), callback)
        }
        if (options.final) {
          all.final = (callback) => takeWrite('_final', null, callback)
        }
      }
      if (options.construct) {
        all.construct = (callback) => takeWrite('_construct', null, callback)
      }
      if (options.destroy) {
        all.destroy = (error, callback) => {
          t(`${name} _destroy`, error)
          if (options.destroy === 'tick') process.nextTick(callback, error)
          else if (options.destroy === 'sync') callback(error)
          else callback(new Error(options.destroy))
        }
      }
      const self = made.stream = new stream[kind](all)
      self.setMaxListeners(0)
      const react = (event) => {
        for (const op of ((reactions || {})[event] || []).shift() || []) perform(op)
      }
      for (const event of EVENTS) {
        if (event === 'error' && silent) continue
        self.on(event, (value) => {
          t(`${name} ${event}`, event === 'error' ? value : undefined)
          react(event)
        })
      }
      made.data = (chunk) => { t(`${name} data`, text(chunk)); react('data') }
      made.readable = () => { t(`${name} readable`); react('readable') }
      return made
    }

    function perform ([name, op, ...args]) {
      const { stream: self, held, ...listeners } = streams[name]
      const called = () => {
        const number = ++callbacks
        return (error) => t(`callback ${number}`, error)
      }
      let result
      try {
        switch (op) {
          case 'on': self.on(args[0], listeners[args[0]]); break
          case 'once': self.once(args[0], listeners[args[0]]); break
          case 'off': self.removeListener(args[0], listeners[args[0]]); break
          case 'removeAll': self.removeAllListeners(args[0]); break
          case 'prepend': self.prependListener(args[0], listeners[args[0]]); break
          case 'push': result = self.push(args[0]); break
          case 'pushBytes': result = self.push(Buffer.from(args[0], 'latin1')); break
          case 'endPush': self.push(null); result = text(self.read(0)); break
          case 'unshift': result = self.unshift(args[0]); break
          case 'read': result = text(self.read(args[0])); break
          case 'write': result = self.write(args[0]); break
          case 'writeBytes': result = self.write(Buffer.from(args[0], 'latin1')); break
          case 'writeCall': result = self.write(args[0], called()); break
          case 'writeSame': result = self.write(args[0], (self.same ||= called())); break
          case 'end': self.end(...args); break
          case 'endCall': self.end(...args, called()); break
          case 'destroy': self.destroy(args[0] ? new Error(args[0]) : undefined); break
          case 'settle': held.length && held.shift()(args[0] ? new Error(args[0]) : undefined); break
          case 'tick': process.nextTick(() => args.forEach(perform)); break
          case 'pipe': self.pipe(streams[args[0]].stream, { end: args[1] }); break
          case 'unpipe': self.unpipe(args.length ? streams[args[0]].stream : undefined); break
          case 'watch': stream.finished(self, args[0], called()); break
          case 'pipeline':
            stream.pipeline(self, ...args.map((name) => streams[name].stream), called())
            break
          case 'isPaused': result = self.isPaused(); break
          default: self[op](...args)
        }
      } catch (error) {
        t(`${name} ${op} threw`, error)
        return
      }
      if (result !== undefined) t(`${name} ${op}`, result)
    }

    function snapshot () {
      for (const [name, { stream: self }] of Object.entries(streams)) {
        const values = [self.destroyed, self.closed, self.errored]
        if (self instanceof stream.Readable) values.push(...READABLE.map((name) => self[name]))
        if (program.streams[name].kind !== 'Readable') {
          values.push(...WRITABLE.map((name) => self[name]))
        }
        t(`${name} is`, values)
      }
    }

    const step = (index) => {
      if (index < program.steps.length) {
        program.steps[index].forEach(perform)
        setImmediate(() => { snapshot(); step(index + 1) })
      } else done()
    }
    setImmediate(step, 0)
  }

  next(0)
}
