import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { dnsTxt, isTxtName, noTxt } from '../src/txt.ts'

type Zone = Record<string, string[][] | 'silent' | 'failing'>

/** A name server of this test's own (RFC 1035), on loopback: TXT records as lists of their pieces. */
async function serve(t: Test, zone: Zone): Promise<{ servers: string[]; asked: string[] }> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, { port, address }) => {
    const labels: string[] = []
    let at = 12
    for (let size = query[at] as number; size > 0; size = query[at] as number) {
      labels.push(query.subarray(at + 1, at + 1 + size).toString('latin1'))
      at += size + 1
    }
    const name = labels.join('.')
    asked.push(name)
    const found = zone[name]
    if (found === 'silent') return
    const records = Array.isArray(found) ? found.map((pieces) => record(pieces)) : []
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(found === 'failing' ? 0x8182 : found === undefined ? 0x8183 : 0x8180, 2)
    header.writeUInt16BE(records.length, 6)
    header.writeUInt32BE(0, 8)
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...records]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { servers: [`127.0.0.1:${socket.address().port}`], asked }
}

function record(pieces: string[]): Buffer {
  const data = Buffer.concat(pieces.map((piece) => Buffer.concat([Buffer.from([piece.length]), Buffer.from(piece)])))
  const head = Buffer.from([0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 0, 60, 0, data.length])
  return Buffer.concat([head, data])
}

t.test('looking TXT records up', async (t) => {
  const { servers, asked } = await serve(t, {
    '_mandate-challenge.alpha.example': [['v=spf1 -all'], ['mandate-', 'claim=abc']],
    'empty.example': [],
    'silent.example': 'silent',
    'failing.example': 'failing',
  })
  const txt = dnsTxt({ servers, patience: 300 })

  await t.test('each record in one piece', async (t) => {
    t.strictSame((await txt('_mandate-challenge.alpha.example')).sort(), ['mandate-claim=abc', 'v=spf1 -all'])
  })

  await t.test('no record is shown by a name without one, one that is not there, an error, and nobody', async (t) => {
    for (const name of ['empty.example', 'absent.example', 'failing.example', 'silent.example']) t.strictSame(await txt(name), [], name)
  })

  await t.test('however many resolvers are silent, nobody waits for longer than is said', async (t) => {
    const silent = await Promise.all([1, 2, 3, 4].map(() => serve(t, { 'silent.example': 'silent' })))
    const patience = 300
    const began = performance.now()
    t.strictSame(await dnsTxt({ servers: silent.flatMap(({ servers }) => servers), patience })('silent.example'), [])
    t.ok(performance.now() - began < 3 * patience, 'each alone could take that long')
    t.ok(silent.some(({ asked }) => asked.length > 0))
  })

  await t.test('what is no name in letters, digits, hyphens and underscores is never asked for', async (t) => {
    const before = asked.length
    const names = [
      'localhost',
      'a b.example',
      'bücher.example',
      'A.example',
      '-a.example',
      'a..example',
      'a.example.',
      '*.example',
      'a/b.example',
    ]
    for (const name of [...names, `${'a'.repeat(64)}.example`, `${'a.'.repeat(130)}example`, '']) {
      t.notOk(isTxtName(name), name)
      t.strictSame(await txt(name), [])
    }
    t.equal(asked.length, before)
  })

  await t.test('the resolvers of the machine serve when none are named', async (t) => {
    t.strictSame(await dnsTxt()('no name'), [], 'and are not asked for what is no name')
  })

  await t.test('an application that was given no resolver asks nobody', async (t) => {
    await t.rejects(noTxt('alpha.example'), /no resolver/)
  })
})
