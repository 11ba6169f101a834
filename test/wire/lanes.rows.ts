/** Where events go, under which key, and what is said of them beside (capture spec §9, §11; C10, C11). */
import type { Lane } from '../../src/event/position.ts'
import { aBatch, anEvent, json, keptAs, ok, token } from './row.ts'
import type { Row } from './row.ts'

const names: readonly (readonly [name: string, lane: Lane])[] = [
  ['$exception', 'exceptions'],
  ['$$heatmap', 'heatmaps_ingestion'],
  ['$$client_ingestion_warning', 'client_warnings'],
  ['$ai_generation', 'events_plugin_ingestion_ai'],
  ['$ai_trace', 'events_plugin_ingestion_ai'],
  ['$pageview', 'events_plugin_ingestion'],
  ['$identify', 'events_plugin_ingestion'],
  ['$exceptions', 'events_plugin_ingestion'],
]
const named = (event: string): Readonly<Record<string, unknown>> => anEvent({ event })
const heat = { $heatmap_data: { 'https://a': [{ x: 1 }] }, $viewport_width: 3 }

function splits(promise: string, properties: Readonly<Record<string, unknown>>): Row {
  const event = anEvent({ properties })
  return {
    section: '§11.1',
    promise,
    send: { body: json(event) },
    answer: {
      ...ok,
      headers: { 'sluice-verdicts': 'stored=1', 'sluice-receipt': /^fsync; n=1; events_plugin_ingestion\// },
    },
    kept: [
      keptAs(event, { headers: { skip_heatmap_processing: 'true' } }),
      keptAs(event, { lane: 'heatmaps_ingestion', headers: { skip_heatmap_processing: undefined } }),
    ],
  }
}

function staysWhole(
  promise: string,
  event: Readonly<Record<string, unknown>>,
  lane: Lane = 'events_plugin_ingestion',
): Row {
  return {
    section: '§11.1',
    promise,
    send: { body: json(event) },
    answer: ok,
    kept: [keptAs(event, { lane, headers: { skip_heatmap_processing: undefined } })],
  }
}

export const laneRows: readonly Row[] = [
  ...names.map(([name, lane]): Row => ({
    section: '§11.1',
    promise: `${name} goes to ${lane}`,
    send: { body: json(named(name)) },
    answer: { ...ok, headers: { 'sluice-receipt': new RegExp(`^fsync; n=1; ${lane}/`) } },
    kept: [keptAs(named(name), { lane, headers: { historical_migration: undefined } })],
  })),
  ...names.map(([name, lane]): Row => ({
    section: '§11.1',
    promise: `${name} of a migration goes to ${lane === 'events_plugin_ingestion' ? 'historical_events' : lane}`,
    send: { path: '/batch/', body: aBatch([named(name)], { historical_migration: true }) },
    answer: ok,
    kept: [
      keptAs(named(name), {
        lane: lane === 'events_plugin_ingestion' ? 'historical_events' : lane,
        headers: { historical_migration: 'true' },
      }),
    ],
  })),
  {
    section: '§4.2',
    promise: 'historical_migration of a single event says nothing',
    send: { body: json(anEvent({ historical_migration: true })) },
    answer: ok,
    kept: [keptAs(anEvent({ historical_migration: true }), { headers: { historical_migration: undefined } })],
  },
  ...[false, null, 'true', 1].map((value): Row => ({
    section: '§4.2',
    promise: `historical_migration: ${json(value)} is no migration`,
    send: { body: aBatch([anEvent()], { historical_migration: value }) },
    answer: ok,
    kept: [keptAs(anEvent(), { headers: { historical_migration: undefined } })],
  })),
  splits('$heatmap_data makes a second record of the event', heat),
  splits('where a page was come from and where it is make a second record', {
    $prev_pageview_pathname: '/a',
    $current_url: 'https://a/b',
  }),
  staysWhole('where a page is alone makes none', anEvent({ properties: { $current_url: 'https://a/b' } })),
  staysWhole('where a page was come from alone makes none', anEvent({ properties: { $prev_pageview_pathname: '/a' } })),
  staysWhole('heatmap data beside the properties makes none', anEvent({ $heatmap_data: {} })),
  staysWhole('heatmap data deeper in the properties makes none', anEvent({ properties: { a: heat } })),
  staysWhole('a heatmap is not split again', anEvent({ event: '$$heatmap', properties: heat }), 'heatmaps_ingestion'),
  {
    section: '§9',
    promise: 'an event without cookies is keyed by the address of its sender',
    send: { body: json(anEvent({ properties: { $cookieless_mode: true } })) },
    answer: ok,
    kept: [
      keptAs(anEvent({ properties: { $cookieless_mode: true } }), {
        key: `${token}:127.0.0.1`,
        headers: { is_cookieless_mode: 'true' },
      }),
    ],
  },
  {
    section: '§9',
    promise: '$cookieless_mode: false is an event like any other',
    send: { body: json(anEvent({ properties: { $cookieless_mode: false } })) },
    answer: ok,
    kept: [
      keptAs(anEvent({ properties: { $cookieless_mode: false } }), { headers: { is_cookieless_mode: undefined } }),
    ],
  },
  {
    section: '§9',
    promise: '$cookieless_mode beside the properties says nothing',
    send: { body: json(anEvent({ $cookieless_mode: true })) },
    answer: ok,
    kept: [keptAs(anEvent({ $cookieless_mode: true }), { headers: { is_cookieless_mode: undefined } })],
  },
  ...[true, false, null, 'x'].map((value): Row => ({
    section: '§9',
    promise: `capture_internal: ${json(value)} makes the address that of this machine`,
    send: {
      headers: { 'x-forwarded-for': '203.0.113.7' },
      body: json(anEvent({ properties: { capture_internal: value } })),
    },
    answer: ok,
    kept: [keptAs(anEvent({ properties: { capture_internal: value } }), { headers: { ip: '127.0.0.1' } })],
  })),
  {
    section: 'C10',
    promise: 'events of one user stand in one partition, in their order',
    send: {
      path: '/batch/',
      body: aBatch([anEvent({ event: 'one' }), anEvent({ distinct_id: 'eve' }), anEvent({ event: 'two' })]),
    },
    answer: ok,
    kept: [
      keptAs(anEvent({ event: 'one' })),
      keptAs(anEvent({ distinct_id: 'eve' }), { distinctId: 'eve' }),
      keptAs(anEvent({ event: 'two' })),
    ],
  },
]
