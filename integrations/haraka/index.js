// SPDX-License-Identifier: ISC
'use strict'
// Haraka: lets verimail-milter stamp and verify. It works in the hooks of the queue, since it has to be
// behind all that changes a message: Haraka itself removes Authentication-Results in data_post.

const { PassThrough } = require('node:stream')

const milter = require('./milter')

const AWAY = '4.7.1 The mail filter (Verimail) is not available; try again later'
const MARGIN = 2 // seconds before Haraka's own limit, which says nothing of what went wrong

exports.register = function () {
    this.register_hook('queue', 'judge')
    this.register_hook('queue_outbound', 'judge')
}

/* Haraka goes on with a message when a plugin throws: nothing is thrown outside of the promise. */
exports.judge = function (next, connection) {
    const { transaction } = connection
    Promise.resolve()
        .then(() => judged(this, connection, transaction))
        .catch((error) => {
            report(this, connection, error)
            return [DENYSOFT, AWAY]
        })
        .then((answer) => next(...answer))
}

function report(plugin, connection, error) {
    try {
        connection.logerror(plugin, error?.message ?? String(error))
    } catch {
        // The message is deferred, with or without a line.
    }
}

async function judged(plugin, connection, transaction) {
    const { socket = 'unix:/run/verimail/milter.sock', timeout = 25 } = plugin.config.get('verimail.ini').main
    const seconds = Math.min(Number(timeout) || 25, (plugin.timeout || 30) - MARGIN)
    const body = new PassThrough()
    const seen = transaction.header.header_list.filter((line) => !isOwnReceived(line, transaction))
    try {
        transaction.message_stream.pipe(body, { skip_headers: true, dot_stuffed: true })
        const decision = await milter.ask(socket, seconds * 1000, mailOf(connection, transaction, seen, body))
        if (decision.refusal) return [decision.refusal[0] === '5' ? DENY : DENYSOFT, decision.refusal.slice(4)]
        edit(transaction.header, seen, decision.edits)
        transaction.reset_headers()
        if (decision.quarantine) transaction.notes.set('quarantine', true)
        return []
    } finally {
        transaction.message_stream.removeListener('data', body.write)
        body.destroy()
    }
}

function mailOf(connection, transaction, lines, body) {
    const { remote, local, notes } = connection
    return {
        name: ['NXDOMAIN', 'DNSERROR', 'Unknown', 'UNKNOWN'].includes(remote.host) ? null : remote.host,
        address: remote.ip,
        port: remote.port,
        listener: String(local.port),
        id: transaction.uuid,
        login: notes.auth_user,
        method: 'haraka',
        sender: pathOf(transaction.mail_from),
        recipients: transaction.rcpt_to.map(pathOf),
        fields: lines.map(fieldOf),
        body,
    }
}

// Haraka 3.0 and before: a method.
function pathOf(address) {
    return (typeof address.address === 'function' ? address.address() : address.address) || ''
}

// Without it, since the milter would take each message for one that was elsewhere before.
function isOwnReceived(line, transaction) {
    return /^received[ \t]*:/i.test(line) && line.includes(transaction.uuid)
}

function fieldOf(line) {
    const text = line.replace(/\r?\n$/, '').replace(/\r\n/g, '\n')
    const colon = text.indexOf(':')
    return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

function hasName(line, name) {
    return fieldOf(line)[0].trimEnd().toLowerCase() === name.toLowerCase()
}

/* Haraka's own functions remove all fields of a name at once, and encode values anew. */
function edit(header, seen, edits) {
    for (const { kind, index, name, value } of edits) {
        const key = name.toLowerCase()
        if (kind === 'm') {
            const line = seen.filter((one) => hasName(one, name))[index - 1]
            if (value !== '' || line === undefined) throw new Error('the milter wants an edit that Haraka cannot make')
            remove(header, key, line)
            seen.splice(seen.indexOf(line), 1)
        } else if (kind === 'h' || index === 0) {
            const method = kind === 'h' ? 'push' : 'unshift'
            header.header_list[method](`${name}:${value}\n`)
            header._add_header(key, `${value.trimStart()}\n`, method)
            header._add_header_decode(key, value.trimStart(), method)
        } else {
            throw new Error('the milter wants an edit that Haraka cannot make')
        }
    }
}

function remove(header, key, line) {
    const at = header.header_list.indexOf(line)
    const number = header.header_list.slice(0, at).filter((one) => hasName(one, key)).length
    header.header_list.splice(at, 1)
    header.headers[key]?.splice(number, 1)
    header.headers_decoded[key]?.splice(number, 1)
}
