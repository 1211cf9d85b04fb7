// SPDX-License-Identifier: ISC
'use strict'
// The mail server's side of the milter protocol, version 6: one message over one connection.

const net = require('node:net')

const ACTIONS = 0x31 // add and change fields, quarantine
const NO_HELO_DATA_UNKNOWN = 0x302 // these steps do not exist here
const SKIP = 0x400
const LEADING_SPACE = 0x100000
const NO_REPLY = { connect: 0x1000, recipient: 0x8000, field: 0x80, headerEnd: 0x40000, body: 0x80000 }
const STEPS = Object.values(NO_REPLY).reduce((all, step) => all | step, NO_HELO_DATA_UNKNOWN | SKIP | LEADING_SPACE)
const CHUNK_MAX = 65535
const PACKET_MAX = 1 << 20
const REPLIES_MAX = 4 << 20 // octets of all edits of a message

class Milter {
    constructor(where) {
        const [, kind, rest] = /^(unix|inet6?):(.+)$/.exec(where) ?? []
        if (!kind) throw new Error(`${where}: a socket is unix:/path or inet:port@address`)
        const [port, host] = rest.split('@')
        this.socket = net.connect(kind === 'unix' ? { path: rest } : { port: Number(port), host, noDelay: true })
        this.received = []
        this.receivedLength = 0
        this.replies = 0
        this.steps = 0
        this.decision = null
        this.wake = () => {}
        const fail = (error) => {
            this.error ??= error
            this.wake()
        }
        this.socket.on('error', fail)
        this.socket.on('close', () => fail(new Error('the milter closed the connection')))
        this.socket.on('drain', () => this.wake())
        this.socket.on('data', (octets) => {
            this.received.push(octets)
            this.receivedLength += octets.length
            this.wake()
        })
    }

    close() {
        this.socket.destroy()
    }

    // Once something has happened; fails after an error, when everything that came is read.
    async changed() {
        if (this.error) throw this.error
        await new Promise((resolve) => {
            this.wake = resolve
        })
    }

    async take(length) {
        while (this.receivedLength < length) await this.changed()
        const all = Buffer.concat(this.received)
        this.received = [all.subarray(length)]
        this.receivedLength -= length
        return all.subarray(0, length)
    }

    async reply() {
        for (;;) {
            const head = await this.take(5)
            const length = head.readUInt32BE(0)
            if (length === 0 || length > PACKET_MAX) throw new Error(`this is no milter: a packet of ${length} octets`)
            const kind = String.fromCharCode(head[4])
            const data = await this.take(length - 1)
            if (kind !== 'p') return { kind, data }
        }
    }

    async send(command, ...parts) {
        const data = Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(part))))
        if (data.length >= PACKET_MAX) throw new Error('a field is longer than 1 MiB')
        const packet = Buffer.allocUnsafe(data.length + 5)
        packet.writeUInt32BE(data.length + 1, 0)
        packet.write(command, 4, 'latin1')
        data.copy(packet, 5)
        if (this.error) throw this.error
        this.socket.write(packet)
        while (this.socket.writableNeedDrain) await this.changed()
    }

    macros(step, values) {
        const given = Object.entries(values).filter(([, value]) => value)
        return this.send('D', step, ...given.flat().map(string))
    }

    // After a step: whether the milter wants to hear more of it.
    async step(noReply) {
        if (this.steps & noReply) return true
        const answer = await this.reply()
        if (answer.kind === 's') return false
        if (answer.kind !== 'c') this.decide(answer, [])
        return true
    }

    async negotiate() {
        await this.send('O', numbers(6, ACTIONS, STEPS))
        const { kind, data } = await this.reply()
        if (kind !== 'O' || data.length < 12) throw new Error('the milter refuses to negotiate')
        const [actions, steps] = [data.readUInt32BE(4), data.readUInt32BE(8)]
        if (actions & ~ACTIONS || steps & ~STEPS || !(steps & LEADING_SPACE))
            throw new Error('the milter wants what was not offered')
        this.steps = steps
    }

    async connect({ name, address, port, listener }) {
        await this.macros('C', { '{daemon_name}': listener })
        const host = string(name || address || 'localhost')
        const number = Buffer.alloc(2)
        number.writeUInt16BE(port || 0)
        if (!address) await this.send('C', host, 'U')
        else await this.send('C', host, net.isIPv6(address) ? '6' : '4', number, string(address))
        await this.step(NO_REPLY.connect)
    }

    async envelope({ id, login, method, sender, recipients }) {
        await this.macros('M', { i: id, '{auth_type}': login && method, '{auth_authen}': login })
        await this.send('M', string(`<${sender}>`))
        await this.step(0)
        for (const recipient of recipients) {
            if (this.decision) return
            await this.send('R', string(`<${recipient}>`))
            await this.step(NO_REPLY.recipient)
        }
    }

    async header(fields) {
        for (const [name, value] of fields) {
            if (this.decision) return
            await this.send('L', string(name), string(value))
            await this.step(NO_REPLY.field)
        }
        await this.send('N')
        await this.step(NO_REPLY.headerEnd)
    }

    async body(chunks) {
        for await (const chunk of chunks)
            for (let at = 0; at < chunk.length; at += CHUNK_MAX) {
                await this.send('B', chunk.subarray(at, at + CHUNK_MAX))
                if (!(await this.step(NO_REPLY.body)) || this.decision) return
            }
    }

    async end() {
        await this.send('E')
        const edits = []
        let quarantine
        for (;;) {
            const answer = await this.reply()
            this.replies += answer.data.length
            if (this.replies > REPLIES_MAX) throw new Error('the milter wants too many edits')
            if (answer.kind === 'q') quarantine = text(answer.data)
            else if ('him'.includes(answer.kind)) edits.push(edit(answer))
            else return this.decide(answer, edits, quarantine)
        }
    }

    decide({ kind, data }, edits, quarantine) {
        const texts = { r: '550 5.7.1 Refused by the mail filter', t: '451 4.7.1 Deferred by the mail filter' }
        if (kind === 'a' || kind === 'c') this.decision = { edits, quarantine }
        else if (kind in texts) this.decision = { edits: [], refusal: texts[kind] }
        else if (kind === 'y') this.decision = { edits: [], refusal: smtpReply(data) }
        else throw new Error(`the milter says what is not known here (${JSON.stringify(kind)})`)
    }

    async ask(mail) {
        const steps = [
            () => this.negotiate(),
            () => this.connect(mail),
            () => this.envelope(mail),
            () => this.header(mail.fields),
            () => this.body(mail.body),
            () => this.end(),
        ]
        for (const step of steps) {
            await step()
            if (this.decision) break
        }
        await this.send('Q')
        return this.decision
    }
}

function numbers(...values) {
    const octets = Buffer.alloc(4 * values.length)
    values.forEach((value, index) => octets.writeUInt32BE(value, 4 * index))
    return octets
}

function string(value) {
    const octets = Buffer.from(`${value}\0`)
    if (octets.indexOf(0) !== octets.length - 1) throw new Error('a NUL octet in a string')
    return octets
}

// Of a reply: one line that can be printed.
function text(data) {
    const line = data.toString().replace(/\0$/, '')
    // eslint-disable-next-line no-control-regex
    if (/[\x00-\x1f\x7f]/.test(line)) throw new Error('the milter says more than one line')
    return line
}

function smtpReply(data) {
    const line = text(data)
    if (!/^[45]\d\d /.test(line)) throw new Error('the milter gives a reply that is no SMTP reply')
    return line
}

function edit({ kind, data }) {
    const begin = kind === 'h' ? 0 : 4
    if (data.length < begin) throw new Error('the milter wants an edit that is too short')
    const [name, value, rest] = data.toString('utf8', begin).split('\0')
    const index = kind === 'h' ? 0 : data.readUInt32BE(0)
    if (rest !== '' || !/^[!-9;-~]+$/.test(name) || /\r|\n(?![ \t])/.test(value) || (kind === 'm' && index === 0))
        throw new Error('the milter wants an edit that makes no field')
    return { kind, index, name, value }
}

/* What the milter at this socket decides: {refusal: '550 5.7.1 text'}, or {edits, quarantine}. Fails
 * on any error, and after so many milliseconds.
 *
 * `mail`: name, address, port and listener of the connection; id, login, method, sender, recipients;
 * fields as [name, what stands behind the colon]; body, an iterable of octets, which may be
 * asynchronous. An edit: kind 'i' on top, 'h' at the end, 'm' the field number `index` of its name,
 * which an empty value removes. */
exports.ask = async (where, milliseconds, mail) => {
    const milter = new Milter(where)
    let timer
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('no answer in time')), milliseconds)
    })
    try {
        return await Promise.race([milter.ask(mail), late])
    } finally {
        clearTimeout(timer)
        milter.close()
    }
}
