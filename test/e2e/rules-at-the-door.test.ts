/** Signatures, what a token may write, and where events go, as a whole installation does it; nothing that was stored is lost on its way. */
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'

interface Made {
  readonly id?: string
  readonly secret?: string
  readonly token?: string
}

async function make(installation: Installation, path: string, wish: object): Promise<Made> {
  const headers = { authorization: `Bearer ${installation.personalKey}`, 'content-type': 'application/json' }
  const { status, text } = await installation.send(`/api/projects/1/${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(wish),
  })
  assert.ok(status >= 200 && status < 300, `${path}: ${String(status)} ${text}`)
  return JSON.parse(text) as Made
}

const anEvent = (event: string, properties: object = {}) => ({
  event,
  distinct_id: 'someone',
  uuid: randomUUID(),
  properties,
})

const bodyOf = (token: string, events: readonly object[], own: object = {}) =>
  JSON.stringify({ api_key: token, batch: events, ...own })

function signature(secret: string, target: string, body: string): string {
  const time = String(Date.now())
  const hex = createHmac('sha256', secret).update(`${time}\nPOST\n${target}\n${body}`).digest('hex')
  return `t=${time},v1=${hex}`
}

describe('an installation', () => {
  it('takes signed requests alone as long as a project has a secret, and none of them twice', async (t) => {
    const installation = await aRunningSluice(t)
    const { id = '', secret = '' } = await make(installation, 'signing-secrets', { label: 'the shop' })
    const target = '/batch/?from=shop'
    const body = bodyOf(installation.token, [anEvent('bought')])
    const send = (headers: Readonly<Record<string, string>>) =>
      installation.send(target, { method: 'POST', headers, body })
    const unsigned = await installation.until('the secret holding', async () => {
      const answer = await send({})
      return answer.status === 401 && answer
    })
    assert.match(unsigned.text, /sluice-signature is missing/)
    const headers = { 'sluice-signature': signature(secret, target, body) }
    assert.equal((await send(headers)).status, 200)
    assert.match((await send(headers)).text, /used before/)
    assert.match((await send({ 'sluice-signature': signature(secret, '/batch/', body) })).text, /does not fit/)
    assert.equal((await send({ 'sluice-signature': signature(secret, target, body) })).headers['sluice-verdicts'], 'stored=0, duplicate=1') // prettier-ignore
    const authorization = `Bearer ${installation.personalKey}`
    await installation.send(`/api/projects/1/signing-secrets/${id}`, { method: 'DELETE', headers: { authorization } })
    await installation.until('the secret being gone', async () => (await send({})).status === 200)
  })

  it('sends each kind of event its own way, and every one of them arrives', async (t) => {
    const installation = await aRunningSluice(t)
    const { token: narrow = '' } = await make(installation, 'tokens', { lanes: ['exceptions'] })
    await make(installation, 'restrictions', { kind: 'skip_person_processing', event_names: ['anonymous'] })
    await make(installation, 'restrictions', { kind: 'force_overflow_from_ingestion', event_names: ['flood'] })
    // The last one, because it is waited for.
    await make(installation, 'restrictions', { kind: 'redirect_to_dlq', event_names: ['broken'] })
    const send = async (token: string, events: readonly object[], own: object = {}) => {
      const { status, headers } = await installation.send('/batch/', {
        method: 'POST',
        body: bodyOf(token, events, own),
      })
      const receipt = String(headers['sluice-receipt'])
      return { status, verdicts: headers['sluice-verdicts'], lanes: [...receipt.matchAll(/([a-z_]+)\/\d+@/g)].map(([, lane]) => lane) } // prettier-ignore
    }
    const laneOf = async (event: object, own: object = {}) => (await send(installation.token, [event], own)).lanes[0]
    await installation.until(
      'the restrictions holding',
      async () => (await send(installation.token, [anEvent('broken')])).verdicts === 'stored=0, refused=1',
    )
    const withHeatmap = anEvent('$pageview', {
      $heatmap_data: { 'https://shop.example/': [{ x: 1, y: 2, target_fixed: false, type: 'click' }] },
      $viewport_height: 800,
      $viewport_width: 1200,
      $session_id: randomUUID(),
    })
    assert.equal(await laneOf(anEvent('signup')), 'events_plugin_ingestion')
    assert.equal(await laneOf(withHeatmap), 'events_plugin_ingestion')
    assert.equal(await laneOf(anEvent('anonymous')), 'events_plugin_ingestion')
    assert.equal(await laneOf(anEvent('flood')), 'events_plugin_ingestion_overflow')
    assert.equal(await laneOf(anEvent('$exception')), 'exceptions')
    assert.equal(await laneOf(anEvent('$ai_generation')), 'events_plugin_ingestion_ai')
    assert.equal(await laneOf(anEvent('$$client_ingestion_warning')), 'client_warnings')
    assert.equal(await laneOf(anEvent('old'), { historical_migration: true }), 'historical_events')
    const mixed = await send(narrow, [anEvent('$exception'), anEvent('signup')])
    assert.deepEqual([mixed.status, mixed.verdicts], [200, 'stored=1, refused=1'])
    assert.equal((await send(narrow, [anEvent('signup')])).status, 403)

    await installation.settled()
    const { rows } = await installation.ask(
      `select event, toUInt32(count()) from events where event <> 'broken' group by event order by event`,
    )
    assert.deepEqual(rows, [
      ['$$client_ingestion_warning', 1],
      ['$ai_generation', 1],
      ['$exception', 2],
      ['$pageview', 1],
      ['anonymous', 1],
      ['flood', 1],
      ['old', 1],
      ['signup', 1],
    ])
    const { code, verdict } = await installation.verify()
    assert.equal(code, 0, JSON.stringify(verdict))
  })
})
