/**
 * Every setting of Sluice: where it is read, bounded and documented, and nowhere else. A stage or store has one section;
 * what it takes is `config.<section>`. `sluice --help` and `docs/run/settings.md` come from the same table.
 */
import { isDeepStrictEqual } from 'node:util'
import { lanes } from '../event/position.ts'
import { failpointPlanComplaint } from '../kit/failpoint.ts'
import { dropListComplaint } from '../stages/admission/rules/drop-list.ts'
import { proxyComplaint } from './edge/client-address.ts'
import { kafkaSizes, rowGrowthMax } from './profiles/kafka-sizes.ts'
import { clusterSections } from './settings/cluster-sections.ts'
import { settingsHelp, settingsPage } from './settings/describe-settings.ts'
import type { Environment, Sources, ValuesOf } from './settings/read-settings.ts'
import { nameSettings, nearestName, readSettings } from './settings/read-settings.ts'
import {
  bytes,
  choice,
  dayMs,
  GiB,
  hourMs,
  integer,
  list,
  MiB,
  milliseconds,
  minuteMs,
  optionalPath,
  path,
  portOrOff,
  secondMs,
  secret,
  text,
} from './settings/setting.ts'
import { topicName, topicsSection } from './settings/topics-section.ts'

const sections = {
  data: {
    doc: 'Where everything is kept.',
    settings: {
      dir: path({
        env: 'SLUICE_DATA_DIR',
        default: './data',
        doc: 'Folder of the journals, the warehouse and Postgres. One running Sluice owns it.',
      }),
    },
  },
  ...clusterSections,
  topics: topicsSection,
  edge: {
    doc: 'The HTTP front.',
    settings: {
      port: portOrOff({
        env: 'SLUICE_PORT',
        default: 8000,
        min: 0,
        doc: 'TCP port of the HTTP front; 0 takes any free one. It can be switched off where tls.port is set.',
      }),
      host: text({
        env: 'SLUICE_HOST',
        default: '127.0.0.1',
        shape: 'a host name or an IP address',
        complaintAbout: (value) => (/^[A-Za-z0-9._:-]{1,253}$/.test(value) ? undefined : 'is neither'),
        doc: 'Address to listen on. The default is reached from this machine alone; 0.0.0.0 is reached from everywhere.',
      }),
      trustedProxies: list({
        default: ['127.0.0.1/32', '::1/128'],
        shape: 'IP addresses and networks like 10.0.0.0/8, or none',
        complaintAbout: proxyComplaint,
        reloads: true,
        doc: 'Proxies in front of Sluice: what they say in X-Forwarded-For and X-Forwarded-Proto is believed. What they send without naming anybody has no budget.',
      }),
      connectionsPerSourceMax: integer({
        default: 512,
        min: 1,
        max: 1_000_000,
        reloads: true,
        doc: 'Most open connections of one client address (IPv6: one /64). Of the last tenth of capture.connectionsMax one gets at most 8.',
      }),
      requestsPerSecondPerSourceMax: integer({
        default: 1000,
        min: 1,
        max: 10_000_000,
        reloads: true,
        doc: 'Most requests a second of one client address (IPv6: one /64), a second of them at once; beyond it the answer is 429. A refused request counts ten times. While the front is overloaded and several addresses send, each may send a quarter of it, half a second of that at once (a tenth of a second unless it sent for half a minute before), and waits beyond it.',
      }),
      accessLog: choice({
        default: 'refused',
        choices: ['off', 'refused', 'all'],
        reloads: true,
        doc: 'Which requests get a line in the log: none, those that were refused or failed, or all.',
      }),
      accessLogLinesPerSecondMax: integer({
        default: 100,
        min: 1,
        max: 1_000_000,
        reloads: true,
        doc: 'Most such lines in a second; how many were left out is told.',
      }),
    },
  },
  tls: {
    doc: 'HTTPS, beside or instead of the plain port. The files are read again when they change.',
    settings: {
      port: integer({ default: 0, min: 0, max: 65_535, doc: 'TCP port of HTTPS; 0 is off.' }),
      certificateFile: optionalPath({ reloads: true, doc: 'Certificate chain in PEM, the own certificate first.' }),
      keyFile: optionalPath({ reloads: true, doc: 'Private key of it in PEM.' }),
      minVersion: choice({
        default: 'TLSv1.2',
        choices: ['TLSv1.2', 'TLSv1.3'],
        reloads: true,
        doc: 'Oldest version of TLS that is spoken.',
      }),
    },
  },
  firstProject: {
    doc: 'Keys of the project that the first start creates, for automation. Without them random keys are made and printed.',
    settings: {
      token: secret({
        env: 'SLUICE_PROJECT_TOKEN',
        defaultText: 'random',
        shape: '1 to 64 letters, digits, "-" or "_", not beginning with phx_',
        pattern: /^(?!phx_)[A-Za-z0-9_-]{1,64}$/,
        doc: 'Project token that SDKs send; it may only write.',
      }),
      personalKey: secret({
        env: 'SLUICE_PERSONAL_KEY',
        defaultText: 'random',
        shape: '"phx_" followed by 4 to 124 letters, digits, "-" or "_"',
        pattern: /^phx_[A-Za-z0-9_-]{4,124}$/,
        doc: 'Personal key that asks questions.',
      }),
    },
  },
  console: {
    doc: 'Logging in at the console.',
    settings: {
      password: secret({
        env: 'SLUICE_CONSOLE_PASSWORD',
        defaultText: 'a one-time password, printed at the start',
        shape: '12 to 200 visible ASCII characters',
        pattern: /^[\x21-\x7e]{12,200}$/,
        doc: 'Password of the user admin, for automation. Taken as long as nobody has chosen one.',
      }),
      sessionAgeMsMax: milliseconds({
        default: 30 * dayMs,
        min: minuteMs,
        max: 365 * dayMs,
        doc: 'How long a session holds at most.',
      }),
      sessionIdleMsMax: milliseconds({
        default: 7 * dayMs,
        // Use is noted once a minute.
        min: 2 * minuteMs,
        max: 365 * dayMs,
        doc: 'How long a session holds without being used.',
      }),
      sessionsPerUserMax: integer({
        default: 20,
        min: 1,
        max: 1000,
        doc: 'Most sessions of one user; beyond it his oldest ends.',
      }),
    },
  },
  api: {
    doc: 'Managing by HTTP.',
    settings: {
      changesPerMinuteMax: integer({
        default: 300,
        min: 1,
        max: 1_000_000,
        doc: 'Most changes a minute by one key or user, questions not counted.',
      }),
      loginsPerMinuteMax: integer({
        default: 10,
        min: 1,
        max: 10_000,
        doc: 'Most tries to log in a minute from one address.',
      }),
      strangersPerMinuteMax: integer({
        default: 60,
        min: 1,
        max: 1_000_000,
        doc: 'Most requests a minute from one address with no key or session, or one that nobody has.',
      }),
      projectsMax: integer({ default: 1000, min: 1, max: 100_000, doc: 'Most projects.' }),
      tokensMax: integer({ default: 100, min: 1, max: 10_000, doc: 'Most tokens of one project.' }),
      keysMax: integer({ default: 1000, min: 1, max: 100_000, doc: 'Most personal keys.' }),
      insightsMax: integer({ default: 1000, min: 1, max: 100_000, doc: 'Most insights of one project.' }),
      // A limit is a quota, a rate or both, and one request counts against 1,000 of these at most.
      limitsMax: integer({ default: 500, min: 1, max: 500, doc: 'Most limits of one project.' }),
      restrictionsMax: integer({ default: 100, min: 1, max: 500, doc: 'Most restrictions of one project.' }),
      signingSecretsMax: integer({ default: 10, min: 1, max: 100, doc: 'Most secrets for signatures of one project.' }),
      auditRetentionDays: integer({
        default: 730,
        min: 1,
        max: 36_500,
        doc: 'Days for which the audit log remembers a change.',
      }),
    },
  },
  diagnostics: {
    doc: 'What the processes say about themselves.',
    settings: {
      logLevel: choice({
        env: 'SLUICE_LOG_LEVEL',
        default: 'info',
        choices: ['debug', 'info', 'warn', 'error'],
        reloads: true,
        doc: 'Least level that is logged.',
      }),
      seriesMax: integer({
        default: 1000,
        min: 10,
        max: 100_000,
        doc: 'Label combinations that one metric keeps apart; further ones are counted under the label "other".',
      }),
      failpoints: text({
        env: 'SLUICE_FAILPOINTS',
        default: '',
        shape: 'a list like edge:after-sync=kill@3,core:after-insert=kill',
        complaintAbout: failpointPlanComplaint,
        doc: 'For crash tests only: where the first life of a process kills itself.',
      }),
    },
  },
  capture: {
    doc: 'Reading requests at the door.',
    reloads: true,
    settings: {
      bodyBytesMax: bytes({ default: 20 * MiB, min: 1024, max: 256 * MiB, doc: 'Largest request body as sent.' }),
      inflatedBytesMax: bytes({
        default: 100 * MiB,
        min: 1024,
        // A request is one frame of the journal, entries included, and a frame has at most 512 MiB.
        max: 256 * MiB,
        doc: 'Largest request body after decompression.',
      }),
      readingBytesMax: bytes({
        default: 256 * MiB,
        min: 1024,
        max: 16 * GiB,
        doc: 'Bytes of all request bodies that are being read at once; beyond it, and for a body that takes more than a quarter of what others leave, the door answers 503.',
      }),
      bodyStallMsMax: milliseconds({
        default: 10 * secondMs,
        min: 50,
        max: 10 * minuteMs,
        doc: 'Time in which a client may send nothing of a body that it has begun; then it is answered 408.',
      }),
      v1BodyBytesMax: bytes({
        default: 10 * MiB,
        min: 1024,
        max: 256 * MiB,
        doc: 'Largest request body as sent, on the v1 path of newer SDKs.',
      }),
      v1InflatedBytesMax: bytes({
        default: 50 * MiB,
        min: 1024,
        // Written anew as ordinary events it grows by what its headers and options say of each event.
        max: 128 * MiB,
        doc: 'Largest request body after decompression, on the v1 path of newer SDKs.',
      }),
      recordingBodyBytesMax: bytes({
        default: 25 * MiB,
        min: 1024,
        max: 128 * MiB,
        doc: 'Largest request body as sent, of recordings.',
      }),
      recordingInflatedBytesMax: bytes({
        default: 32 * MiB,
        min: 1024,
        // It becomes one row, of which several copies are in memory while it is made.
        max: 128 * MiB,
        doc: 'Largest request body after decompression, of recordings.',
      }),
      recordingDepthMax: integer({
        default: 1000,
        min: 8,
        max: 10_000,
        doc: 'Deepest nesting of a request body, of recordings: each element of a page is two levels below the one around it.',
      }),
      eventBytesMax: bytes({ default: 2_000_000, min: 1024, max: 64 * MiB, doc: 'Largest single event.' }),
      keysPerEventMax: integer({
        default: 10_000,
        min: 10,
        max: 1_000_000,
        doc: 'Most keys in one event, nested ones included.',
      }),
      depthMax: integer({ default: 128, min: 8, max: 1000, doc: 'Deepest nesting of a request body.' }),
      eventNameCharsMax: integer({ default: 200, min: 1, max: 10_000, doc: 'Longest event name.' }),
      keysPerRequestMax: integer({
        default: 5_000_000,
        min: 10,
        max: 100_000_000,
        doc: 'Most keys in all events of one request together.',
      }),
      eventsPerRequestMax: integer({ default: 100_000, min: 1, max: 1_000_000, doc: 'Most events in one request.' }),
      headersTimeoutMs: milliseconds({
        default: 10 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'Time in which the headers of a request must arrive.',
      }),
      bodyTimeoutMs: milliseconds({
        default: 30 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'Time in which the body of a request must arrive.',
      }),
      connectionsMax: integer({ default: 10_000, min: 1, max: 1_000_000, doc: 'Most open connections.' }),
    },
  },
  sdks: {
    doc: 'What SDKs are told when they ask how to send.',
    reloads: true,
    settings: {
      sessionRecording: choice({
        default: 'off',
        choices: ['on', 'off'],
        doc: 'Whether posthog-js is told to record what people do in a page. A page can say no, with disable_session_recording.',
      }),
    },
  },
  admission: {
    doc: 'What happens to events at the door beside what their projects say about them.',
    settings: {
      signatureAgeMsMax: milliseconds({
        default: 5 * minuteMs,
        min: secondMs,
        max: hourMs,
        doc: 'How far the time in a signature may be from ours, either way.',
      }),
      signaturesMax: integer({
        default: 500_000,
        min: 1000,
        max: 10_000_000,
        doc: 'Signatures in memory, so that none is good twice; when more come within the time above, the oldest of that time are refused.',
      }),
      historicalAfterDays: integer({
        default: 0,
        min: 0,
        max: 36_500,
        doc: 'Age from which on an event goes to the lane historical_events, where it may wait while newer ones do not; 0: none does. PostHog: ENABLE_HISTORICAL_REROUTING and HISTORICAL_REROUTING_THRESHOLD_DAYS.',
      }),
      dropEvents: text({
        default: '',
        shape: 'a list like token:id1,id2;token2:*',
        complaintAbout: dropListComplaint,
        doc: 'Events that are thrown away in silence, by token and distinct id. PostHog: DROP_EVENTS_BY_TOKEN_DISTINCT_ID.',
      }),
      overflowEventsPerSecond: integer({
        default: 0,
        min: 0,
        max: 10_000_000,
        doc: 'A distinct id that sends more goes to the lane events_plugin_ingestion_overflow, where it holds up nobody else; 0: none does. PostHog: OVERFLOW_ENABLED and OVERFLOW_PER_SECOND_LIMIT (100).',
      }),
      overflowBurstEventsMax: integer({
        default: 1000,
        min: 1,
        max: 100_000_000,
        doc: 'How many it may send at once before that.',
      }),
      overflowKeysMax: integer({
        default: 100_000,
        min: 2,
        max: 10_000_000,
        doc: 'Distinct ids whose rates are in memory.',
      }),
      overflowKeys: list({
        default: [],
        shape: 'tokens and token:distinct_id, or none',
        complaintAbout: (value) => (value === '' || value.startsWith(':') ? 'has an entry without a token' : undefined),
        doc: 'What always goes to that lane, without persons. PostHog: INGESTION_FORCE_OVERFLOW_BY_TOKEN_DISTINCT_ID.',
      }),
    },
  },
  intake: {
    doc: 'The one durable step at the door: duplicates, positions, the journal of accepted events.',
    settings: {
      queueBytesMax: bytes({
        default: 64 * MiB,
        min: 1024,
        max: 16 * GiB,
        doc: 'Accepted bytes that may wait for the disk; beyond it the door answers 503.',
      }),
      duplicateWindowMs: milliseconds({
        default: 24 * hourMs,
        min: minuteMs,
        max: 30 * dayMs,
        doc: 'How long a copy of an event is known as one.',
      }),
      limitKeysMax: integer({
        default: 100_000,
        min: 1,
        max: 10_000_000,
        doc: 'Quotas and rates (token, kind of event, period) that are counted at once; beyond it requests that begin a new one get 503.',
      }),
      segmentBytesMax: bytes({
        default: 256 * MiB,
        min: 64 * 1024,
        max: 4 * GiB,
        doc: 'Size at which a segment of a journal is sealed.',
      }),
      segmentEntriesMax: integer({
        default: 1_000_000,
        min: 100,
        max: 1_500_000,
        doc: 'Events after which a segment of a journal is sealed; their keys are in memory until then.',
      }),
      segmentAgeMsMax: milliseconds({
        default: hourMs,
        min: secondMs,
        max: 30 * dayMs,
        doc: 'Age at which a segment of a journal is sealed.',
      }),
      reserveBytes: bytes({
        default: 256 * MiB,
        min: 0,
        max: 1024 * GiB,
        doc: 'Free disk space that is left alone; below it the door answers 503.',
      }),
      partitionCount: integer({
        default: 16,
        min: 1,
        max: 256,
        doc: 'Partitions of each lane; fixed when the data folder is created.',
      }),
    },
  },
  log: {
    doc: 'The log between the stages.',
    settings: {
      retentionMs: milliseconds({
        default: 72 * hourMs,
        min: minuteMs,
        max: 3650 * dayMs,
        doc: 'How long sealed segments are kept after every reader has passed them.',
      }),
    },
  },
  ingestion: {
    doc: 'From accepted events to derived batches.',
    settings: {
      batchBytesMax: bytes({
        default: 2 * MiB,
        min: 1024,
        max: 256 * MiB,
        doc: 'Bytes of events that are read and derived at once.',
      }),
      renewAfterMs: milliseconds({
        default: hourMs,
        min: 1000,
        max: dayMs,
        doc: 'How old the newest derived batch of a lane that stands still may become before it is written again, so that retention can remove what lies behind it.',
      }),
      lingerMs: milliseconds({
        default: 20,
        min: 0,
        max: 10 * secondMs,
        doc: 'How long a batch waits for more events.',
      }),
      retryMsMax: milliseconds({
        default: 5 * secondMs,
        min: 10,
        max: 10 * minuteMs,
        doc: 'Longest pause between two tries while a store is away.',
      }),
      duplicateKeysMax: integer({
        default: 4_000_000,
        min: 1000,
        max: 1_000_000_000,
        doc: 'Cluster profile: duplicate keys that a core keeps to find copies which the door let in; about 50 bytes of memory each.',
      }),
      duplicateRebuildRecordsMax: integer({
        default: 500_000,
        min: 0,
        max: 1_000_000_000,
        doc: 'Cluster profile: records of a flow that are read back at most, to know their keys, when a core takes partitions over.',
      }),
    },
  },
  warehouse: {
    doc: 'Rows into ClickHouse.',
    settings: {
      blockRowsMax: integer({ default: 20_000, min: 1, max: 1_000_000, doc: 'Most rows of one insert.' }),
      propertyColumnsMax: integer({
        default: 32,
        min: 5,
        max: 200,
        doc: 'Most properties that get a column of their own because questions about them were slow; each costs an insert about half a microsecond a row.',
      }),
      lingerMs: milliseconds({
        default: secondMs,
        min: 0,
        max: minuteMs,
        doc: 'How long an insert waits for more rows.',
      }),
      recordingsLingerMs: milliseconds({
        default: 5 * secondMs,
        min: 0,
        max: minuteMs,
        doc: 'How long an insert of recordings or of heatmaps waits for more rows.',
      }),
      memoryBytesMax: bytes({
        default: 2 * GiB,
        min: 256 * MiB,
        max: 1024 * GiB,
        doc: 'Memory that the bundled ClickHouse may take in all.',
      }),
      blockBytesMax: bytes({ default: 64 * MiB, min: 1024, max: GiB, doc: 'Most bytes of rows in one insert.' }),
      recentBlocksMax: integer({
        default: 64,
        min: 1,
        max: 10_000,
        doc: 'Newest inserts that are looked for in the table at a start.',
      }),
      retryMsMax: milliseconds({
        default: 5 * secondMs,
        min: 10,
        max: 10 * minuteMs,
        doc: 'Longest pause between two tries of an insert.',
      }),
    },
  },
  query: {
    doc: 'Answering questions.',
    settings: {
      snapshotPageBytesMax: bytes({
        default: 8 * MiB,
        min: 1024,
        max: 128 * MiB,
        doc: 'Most bytes of snapshots in one answer; one that came in one request may be larger.',
      }),
      timeMsMax: milliseconds({
        default: 30 * secondMs,
        min: 100,
        max: hourMs,
        doc: 'Longest time that a question may take.',
      }),
      slowMs: milliseconds({
        default: secondMs,
        min: 10,
        max: hourMs,
        doc: 'A question that takes longer gives the properties it read a column of their own.',
      }),
      rowsMax: integer({ default: 100_000, min: 1, max: 10_000_000, doc: 'Most rows of an answer.' }),
      memoryBytesMax: bytes({
        default: GiB,
        min: 64 * MiB,
        max: 1024 * GiB,
        doc: 'Most memory that one question may take.',
      }),
      concurrentMax: integer({ default: 4, min: 1, max: 256, doc: 'Questions answered at once.' }),
    },
  },
  live: {
    doc: 'Events shown as they come in.',
    settings: {
      readersMax: integer({
        default: 500,
        min: 1,
        max: 10_000,
        doc: 'Live streams open at once; further ones get 503.',
      }),
      eventsPerSecondMax: integer({
        default: 2000,
        min: 1,
        max: 100_000,
        doc: 'Events that one live stream gets in a second; how many more there were is told.',
      }),
      deliveriesPerSecondMax: integer({
        default: 2500,
        min: 1,
        max: 1_000_000,
        doc: 'The same for all live streams together, which share it evenly.',
      }),
      queueBytesMax: bytes({
        default: 512 * 1024,
        min: 64 * 1024,
        max: 64 * MiB,
        doc: 'Bytes that wait for a slow reader of a live stream; beyond it the oldest events are left out.',
      }),
      ringRowsMax: integer({
        default: 10_000,
        min: 0,
        max: 1_000_000,
        doc: 'Newest events of a watched project that a reader who lost its connection can still get.',
      }),
      ringBytesMax: bytes({
        default: 32 * MiB,
        min: 0,
        max: 4 * GiB,
        doc: 'Memory for those events, all watched projects together.',
      }),
      ringLingerMs: milliseconds({
        default: minuteMs,
        min: 0,
        max: hourMs,
        doc: 'How long they are kept after the last reader left.',
      }),
      pingIntervalMs: milliseconds({
        default: 15 * secondMs,
        min: 100,
        max: minuteMs,
        doc: 'How often a live stream says that it is alive, and whether its reader may still read is looked up.',
      }),
    },
  },
  journey: {
    doc: 'Finding out what became of single events.',
    settings: {
      searchTimeMsMax: milliseconds({
        default: 20 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'Longest time that one search through the journals may take.',
      }),
      searchBytesMax: bytes({
        default: 64 * GiB,
        min: MiB,
        max: 16 * 1024 * GiB,
        doc: 'Most bytes of the journals that one search may read.',
      }),
      searchesWaitingMax: integer({
        default: 8,
        min: 0,
        max: 1000,
        doc: 'Searches that may wait for their turn; one runs at a time.',
      }),
    },
  },
  health: {
    doc: 'Health is progress.',
    settings: {
      canaryIntervalMs: milliseconds({
        default: 30 * secondMs,
        min: 100,
        max: hourMs,
        doc: 'Time between two canary events.',
      }),
      oldestWaitingMsMax: milliseconds({
        default: minuteMs,
        min: 100,
        max: dayMs,
        doc: 'Age of the oldest waiting event at which readiness turns red.',
      }),
      oldestPatientWaitingMsMax: milliseconds({
        default: dayMs,
        min: 100,
        max: 30 * dayMs,
        doc: 'The same for historical and overflow events, which may wait while others do not.',
      }),
    },
  },
  tracing: {
    doc: 'Following requests through the stages, by OpenTelemetry.',
    settings: {
      endpoint: text({
        env: 'SLUICE_TRACING_ENDPOINT',
        default: '',
        shape: 'an http or https address, or nothing',
        complaintAbout: (value) => (value === '' || /^https?:\/\/\S+$/.test(value) ? undefined : 'is neither'),
        doc: 'Where spans are posted as OTLP, like http://127.0.0.1:4318/v1/traces. Empty: nothing is traced.',
      }),
      samplePercent: integer({
        default: 100,
        min: 0,
        max: 100,
        doc: 'How many of a hundred requests without a trace of their own are traced; one that brings a trace is, when that is kept.',
      }),
      queueSpansMax: integer({
        default: 4096,
        min: 1,
        max: 1_000_000,
        doc: 'Most spans that wait to be sent; further ones are lost.',
      }),
      exportTimeoutMs: milliseconds({
        default: 5 * secondMs,
        min: 100,
        max: minuteMs,
        doc: 'How long sending spans may take, also when stopping.',
      }),
    },
  },
  supervisor: {
    doc: 'Starting, watching and stopping the processes.',
    settings: {
      stopTimeoutMs: milliseconds({
        default: 20 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'How long a process may take to stop before it is killed.',
      }),
      restartDelayMsMax: milliseconds({
        default: 5 * secondMs,
        min: 10,
        max: 10 * minuteMs,
        doc: 'Longest pause before a process that died is started again.',
      }),
      startAttemptsMax: integer({
        default: 5,
        min: 1,
        max: 1000,
        doc: 'How often a process may die before it was ready for the first time; then the start is given up.',
      }),
    },
  },
} as const

export type Config = ValuesOf<typeof sections>

export type ConfigResult =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'problems'; readonly problems: readonly string[] }

/** Rules between settings; each says what to do. */
const relations: readonly { readonly broken: (config: Config) => boolean; readonly problem: string }[] = [
  {
    broken: ({ edge, tls }) => edge.port === undefined && tls.port === 0,
    problem: 'edge.port is off and tls.port is not set, so that nobody could reach Sluice: set one of them.',
  },
  {
    broken: ({ tls }) => tls.port !== 0 && (tls.certificateFile === undefined || tls.keyFile === undefined),
    problem: 'tls.port is set, but tls.certificateFile or tls.keyFile is not: set both, or tls.port to 0.',
  },
  {
    broken: ({ edge, tls }) => tls.port !== 0 && tls.port === edge.port,
    problem: 'tls.port and edge.port are the same: choose two ports, or switch edge.port off.',
  },
  {
    broken: ({ log, intake }) => log.retentionMs < intake.duplicateWindowMs,
    problem:
      'log.retentionMs is shorter than intake.duplicateWindowMs, but a copy is answered with the first copy, which must still be there: raise the first or lower the second.',
  },
  {
    broken: ({ capture }) => capture.eventBytesMax > capture.inflatedBytesMax,
    problem:
      'capture.eventBytesMax is larger than capture.inflatedBytesMax, so that no body could hold such an event: lower the first or raise the second.',
  },
  {
    broken: ({ capture }) => capture.bodyBytesMax > capture.inflatedBytesMax,
    problem:
      'capture.bodyBytesMax is larger than capture.inflatedBytesMax, which bounds plain bodies too: lower the first or raise the second.',
  },
  {
    broken: ({ capture }) => capture.readingBytesMax < Math.max(capture.bodyBytesMax, capture.recordingBodyBytesMax),
    problem:
      'capture.readingBytesMax is smaller than capture.bodyBytesMax or capture.recordingBodyBytesMax, so that the largest body could never be read: raise the first or lower the others.',
  },
  {
    broken: ({ profile, postgres, redis, kafka, clickhouse }) =>
      profile.engines === 'cluster' &&
      (postgres.url === undefined || redis.url === undefined || kafka.hosts.length === 0 || clickhouse.host === ''),
    problem:
      'profile.engines is cluster, which needs all of DATABASE_URL, REDIS_URL, KAFKA_HOSTS and CLICKHOUSE_HOST: set them, or SLUICE_PROFILE to embedded.',
  },
  {
    broken: ({ profile }) => profile.engines === 'embedded' && profile.roles.length !== 2,
    problem: 'profile.roles leaves one out, but the embedded profile is one installation: remove SLUICE_ROLES.',
  },
  {
    broken: ({ kafka }) => kafka.minInSyncReplicas > kafka.replicationFactor,
    problem:
      'kafka.minInSyncReplicas is larger than kafka.replicationFactor, so that nothing could ever be acknowledged: lower the first or raise the second.',
  },
  {
    broken: ({ kafka }) =>
      kafka.tls === 'off' &&
      [kafka.trustedCertificate, kafka.clientCertificate, kafka.clientKey].some((one) => one !== undefined),
    problem:
      'kafka.tls is off, and certificates for Kafka are set (KAFKA_TRUSTED_CERT_B64, KAFKA_CLIENT_CERT_B64, KAFKA_CLIENT_CERT_KEY_B64), which only TLS has: set SLUICE_KAFKA_TLS to on, or remove them.',
  },
  {
    broken: ({ kafka }) => (kafka.clientCertificate === undefined) !== (kafka.clientKey === undefined),
    problem:
      'Of kafka.clientCertificate and kafka.clientKey one is set without the other: set both KAFKA_CLIENT_CERT_B64 and KAFKA_CLIENT_CERT_KEY_B64, or neither.',
  },
  {
    broken: ({ kafka }) =>
      kafka.saslMechanism === 'none'
        ? kafka.saslUser !== '' || kafka.saslPassword !== undefined
        : kafka.saslUser === '' || kafka.saslPassword === undefined,
    problem:
      'Logging in at Kafka needs all of SLUICE_KAFKA_SASL_MECHANISM, SLUICE_KAFKA_SASL_USER and SLUICE_KAFKA_SASL_PASSWORD: set them, or none of them.',
  },
  {
    broken: ({ profile, kafka, capture }) =>
      profile.engines === 'cluster' && kafkaSizes(kafka).sourceBytesMax < rowGrowthMax * capture.eventBytesMax,
    problem:
      'kafka.messageBytesMax is smaller than six times capture.eventBytesMax: the largest event, with all that its JSON can grow as a row, could not be stored. Raise the first (and max.message.bytes of the topics) or lower the second.',
  },
  {
    broken: ({ profile, kafka }) =>
      profile.engines === 'cluster' && kafkaSizes(kafka).sourceBytesMax < kafka.batchBytesMax,
    problem:
      'kafka.batchBytesMax (KAFKA_MAX_MESSAGE_BATCH_SIZE) is larger than seven eighths of kafka.messageBytesMax, so that Kafka would refuse such a batch: lower the first or raise the second.',
  },
  {
    broken: (config) =>
      config.profile.engines === 'cluster' && new Set(lanes.map((lane) => topicName(config, lane))).size < lanes.length,
    problem:
      'Two lanes have the same topic by the settings in topics, and what is read from it would be taken for both: name one of them otherwise.',
  },
  {
    broken: ({ query, warehouse }) => query.memoryBytesMax > warehouse.memoryBytesMax,
    problem:
      'query.memoryBytesMax is larger than warehouse.memoryBytesMax, which bounds all questions together: lower the first or raise the second.',
  },
]

/** Read beside the table: it says where the file is, so the file cannot. */
export const configFileVariable = {
  env: 'SLUICE_CONFIG',
  doc: 'The settings file, as --config. Default: sluice.yaml in the working directory, when there is one.',
}
const testPrefix = 'SLUICE_TEST_'

/** Parses, bounds and checks; either every problem at once or one frozen object. */
export function configFrom(sources: Sources): ConfigResult {
  const problems: string[] = []
  const config = readSettings(sections, sources, problems)
  problems.push(...unknownVariables(sources.environment))
  if (problems.length === 0)
    problems.push(...relations.filter(({ broken }) => broken(config)).map(({ problem }) => problem))
  return problems.length === 0 ? { kind: 'config', config } : { kind: 'problems', problems }
}

/** What changes when `next` is taken as far as it can be without a restart; settings by their names in the file. */
export function compareConfigs(
  current: Config,
  next: Config,
): { readonly config: Config; readonly applied: readonly string[]; readonly needRestart: readonly string[] } {
  const applied: string[] = []
  const needRestart: string[] = []
  const merged: Record<string, Record<string, unknown>> = {}
  for (const { section, name, path, reloads } of nameSettings(sections)) {
    const before = valueOf(current, section, name)
    const after = valueOf(next, section, name)
    if (!isDeepStrictEqual(before, after)) (reloads ? applied : needRestart).push(path)
    const target = (merged[section] ??= {})
    target[name] = reloads ? after : before
  }
  for (const section of Object.values(merged)) Object.freeze(section)
  // Every setting of the table has its value of one of the two.
  return { config: Object.freeze(merged) as unknown as Config, applied, needRestart }
}

function valueOf(config: Config, section: string, name: string): unknown {
  return (config as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[section]?.[name]
}

/** Sections whose numbers bound what people send and ask. */
const limiting: readonly string[] = ['api', 'capture', 'intake', 'query', 'log']

/** A setting that bounds what people send and ask, with its unit by the end of its name. */
export interface NamedLimit {
  readonly name: string
  readonly value: number
  readonly unit: 'bytes' | 'ms' | 'count'
  readonly description: string
  readonly environment: string
}

export function limitsOf(config: Config): readonly NamedLimit[] {
  return nameSettings(sections)
    .filter(({ section }) => limiting.includes(section))
    .flatMap(({ section, name, path, env, setting }) => {
      const value = valueOf(config, section, name)
      if (typeof value !== 'number') return []
      const unit = /Bytes(Max)?$/.test(name) ? 'bytes' : /Ms(Max)?$/.test(name) ? 'ms' : 'count'
      return [{ name: path, value, unit, description: setting.doc, environment: env } as const]
    })
}

export function configHelp(): string {
  return settingsHelp(sections, [configFileVariable])
}

/** The text of `docs/run/settings.md`. */
export function configPage(): string {
  return settingsPage(sections, [configFileVariable])
}

function unknownVariables(environment: Environment): readonly string[] {
  const known = [configFileVariable.env, ...nameSettings(sections).map(({ env }) => env)]
  return Object.keys(environment)
    .filter((name) => name.startsWith('SLUICE_') && !name.startsWith(testPrefix) && !known.includes(name))
    .map((name) => `${name} is not a setting. Did you mean ${nearestName(name, known)}? Otherwise remove it.`)
}
