// SPDX-License-Identifier: ISC
'use strict'
const assert = require('node:assert')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')

const { ask } = require('../milter')

const TERMS = ['O', Buffer.from('0000000600000031001c9782', 'hex')]
const ANSWERED = ['O', Buffer.from('000000060000003100100400', 'hex')]
const C = ['c', '']

function packet([kind, data]) {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(data.length + 1, 0)
    head.write(kind, 4)
    return Buffer.concat([head, Buffer.from(data)])
}

/* A milter that says all of this at once, whatever it hears; null: it closes the connection. */
async function withPeer(says, use) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'verimail-'))
    const file = path.join(folder, 'milter')
    const heard = []
    let ended
    const end = new Promise((go) => (ended = go))
    const server = net.createServer((peer) => {
        peer.on('error', () => {})
        peer.on('close', ended)
        peer.on('data', (octets) => heard.push(octets))
        for (const one of says) {
            if (one === null) peer.end()
            else peer.write(Buffer.isBuffer(one) ? one : packet(one))
        }
    })
    await new Promise((go) => server.listen(file, go))
    try {
        return await use(`unix:${file}`, () => end.then(() => Buffer.concat(heard)))
    } finally {
        await new Promise((go) => server.close(go))
        fs.rmSync(folder, { recursive: true })
    }
}

const MAIL = {
    name: 'mx.example.org', address: '192.0.2.7', port: 2525, listener: '25', id: 'X1', login: 'alice',
    method: 'haraka', sender: 'a@b', recipients: ['c@d', 'e@f'], fields: [['From', ' a@b'], ['Subject', ' \u00fc\n x']],
    body: [Buffer.from('hi\r\n')],
}

const ends = [
    ['accept', [C], { edits: [], quarantine: undefined }],
    ['accept at once', [['a', '']], { edits: [], quarantine: undefined }],
    ['progress', [['p', ''], ['p', ''], C], { edits: [], quarantine: undefined }],
    ['edits', [['m', '\0\0\0\x02A\0\0'], ['h', 'C\0 y\n\tz\0'], ['i', '\0\0\0\0D\0 w\0'], C], {
        edits: [
            { kind: 'm', index: 2, name: 'A', value: '' }, { kind: 'h', index: 0, name: 'C', value: ' y\n\tz' },
            { kind: 'i', index: 0, name: 'D', value: ' w' },
        ],
        quarantine: undefined,
    }],
    ['quarantine', [['q', 'why\0'], C], { edits: [], quarantine: 'why' }],
    ['reject', [['y', '550 5.7.1 No\0']], { edits: [], refusal: '550 5.7.1 No' }],
    ['reject without a text', [['r', '']], { edits: [], refusal: '550 5.7.1 Refused by the mail filter' }],
    ['defer', [['t', '']], { edits: [], refusal: '451 4.7.1 Deferred by the mail filter' }],
]

for (const [name, says, wanted] of ends)
    test(`an end: ${name}`, () =>
        withPeer([TERMS, C, ...says], async (where) => assert.deepStrictEqual(await ask(where, 60000, MAIL), wanted)))

const failures = [
    ['the end of the connection', [TERMS, C, null], /closed the connection/],
    ['no milter', [Buffer.from('220 mx ESMTP ready\r\n')], /no milter/],
    ['an empty packet', [Buffer.alloc(5)], /no milter/],
    ['no terms', [C], /refuses to negotiate/],
    ['short terms', [['O', '\0\0\0\x06']], /refuses to negotiate/],
    ['terms that were not offered', [['O', Buffer.from('00000006000001ff00100000', 'hex')]], /not offered/],
    ['fields without their blanks', [['O', Buffer.from('000000060000003100000400', 'hex')]], /not offered/],
    ['an unknown kind', [TERMS, C, ['x', '']], /not known/],
    ['discarding', [TERMS, C, ['d', '']], /not known/],
    ['a reply without a code', [TERMS, C, ['y', 'hello\0']], /no SMTP reply/],
    ['a good code', [TERMS, C, ['y', '250 ok\0']], /no SMTP reply/],
    ['two lines', [TERMS, C, ['y', '550-a\r\n550 b\0']], /more than one line/],
    ['a second field', [TERMS, C, ['h', 'A\0 b\nC: d\0'], C], /makes no field/],
    ['a CR', [TERMS, C, ['h', 'A\0 b\r\n c\0'], C], /makes no field/],
    ['a name with a blank', [TERMS, C, ['h', 'A B\0 c\0'], C], /makes no field/],
    ['no last NUL', [TERMS, C, ['h', 'A\0 c'], C], /makes no field/],
    ['field number 0', [TERMS, C, ['m', '\0\0\0\0A\0\0'], C], /makes no field/],
    ['a short edit', [TERMS, C, ['i', '\0'], C], /too short/],
    ['too many edits', [TERMS, C, ...Array(5).fill(['h', `A\0 ${'b'.repeat(1000000)}\0`]), C], /too many edits/],
]

for (const [name, says, wanted] of failures)
    test(`a failure: ${name}`, () => withPeer(says, (where) => assert.rejects(ask(where, 60000, MAIL), wanted)))

test('a milter that is mute', () =>
    withPeer([TERMS], (where) => assert.rejects(ask(where, 300, MAIL), /no answer in time/)))

test('no milter is there', () => assert.rejects(ask('unix:/nonexistent/milter', 60000, MAIL), /ENOENT/))

test('no socket', () => assert.rejects(ask('/run/milter', 60000, MAIL), /a socket is/))

test('a milter that answers each step, and decides early', () =>
    withPeer([ANSWERED, C, C, ['y', '550 5.1.1 No\0']], async (where) =>
        assert.deepStrictEqual(await ask(where, 60000, MAIL), { edits: [], refusal: '550 5.1.1 No' })))

test('a milter that answers each step, and skips the body', () =>
    withPeer([ANSWERED, C, C, C, C, C, C, C, ['s', ''], C], async (where, heard) => {
        const body = [Buffer.from('one'), Buffer.from('two')]
        assert.deepStrictEqual(await ask(where, 60000, { ...MAIL, body }), { edits: [], quarantine: undefined })
        assert.ok(!(await heard()).includes('two'))
    }))

test('what it says', () =>
    withPeer([TERMS, C, C], async (where, heard) => {
        await ask(where, 60000, { ...MAIL, body: [Buffer.alloc(70000, 'x')] })
        const wanted = [
            ['O', Buffer.from('0000000600000031001c9782', 'hex')],
            ['D', 'C{daemon_name}\x0025\0'], ['C', 'mx.example.org\x004\x09\xdd192.0.2.7\0'],
            ['D', 'Mi\0X1\0{auth_type}\0haraka\0{auth_authen}\0alice\0'],
            ['M', '<a@b>\0'], ['R', '<c@d>\0'], ['R', '<e@f>\0'],
            ['L', 'From\0 a@b\0'], ['L', Buffer.from('Subject\0 \u00fc\n x\0')], ['N', ''],
            ['B', 'x'.repeat(65535)], ['B', 'x'.repeat(4465)], ['E', ''],
        ].map(([kind, data]) => packet([kind, Buffer.isBuffer(data) ? data : Buffer.from(data, 'latin1')]))
        const got = (await heard()).subarray(0, Buffer.concat(wanted).length)
        assert.deepStrictEqual(got, Buffer.concat(wanted))
    }))

test('a NUL in a field, and a field of more than 1 MiB', () =>
    withPeer([TERMS, C, C], async (where) => {
        await assert.rejects(ask(where, 60000, { ...MAIL, fields: [['A', 'b\0c']] }), /NUL/)
        await assert.rejects(ask(where, 60000, { ...MAIL, fields: [['A', 'b'.repeat(1 << 20)]] }), /longer than/)
    }))
