/** Settings of the cluster profile: which engines run elsewhere, and where. They are read in both profiles, and count in this one alone. */
import { GiB, MiB, bytes, choice, integer, list, milliseconds, minuteMs, secondMs, secret, text } from './setting.ts'

const anyText = { shape: 'text', complaintAbout: () => undefined }
const hostAndPort = {
  shape: 'a host and a port like 10.0.0.5:8100, or nothing',
  complaintAbout: (value: string) =>
    value === '' || /^(?:\[[0-9a-f:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/i.test(value) ? undefined : 'is neither',
}

export const clusterSections = {
  profile: {
    doc: 'Which engines Sluice runs on, and what of it runs here.',
    settings: {
      engines: choice({
        env: 'SLUICE_PROFILE',
        default: 'embedded',
        choices: ['embedded', 'cluster'],
        doc: 'embedded: everything in this one installation, nothing else is needed. cluster: Kafka, Redis, Postgres and ClickHouse that run elsewhere.',
      }),
      roles: list({
        env: 'SLUICE_ROLES',
        default: ['edge', 'core'],
        shape: 'edge, core, or both',
        complaintAbout: (value) =>
          value === 'edge' || value === 'core' ? undefined : 'names a role that there is not',
        doc: 'What runs on this machine, in the cluster profile: the edge takes events, the core makes rows of them and answers questions.',
      }),
      coreAddresses: list({
        env: 'SLUICE_CORE_ADDRESS',
        default: [],
        shape: 'hosts and ports like 10.0.0.5:8100, or none',
        complaintAbout: hostAndPort.complaintAbout,
        doc: 'Where an edge without a core on its own machine finds them (their coreListen), for the API and the console. One is asked; another when that one cannot be reached.',
      }),
      coreConnectTimeoutMs: milliseconds({
        default: 2 * secondMs,
        min: 10,
        max: minuteMs,
        doc: 'How long a core may take to accept a connection of an edge before another one is asked.',
      }),
      edgeAddress: text({
        env: 'SLUICE_EDGE_ADDRESS',
        default: '',
        shape: 'an address like http://edges:8000, or nothing',
        complaintAbout: (value) => (value === '' || /^https?:\/\/[^/\s]+$/.test(value) ? undefined : 'is neither'),
        doc: 'Where a core without an edge on its own machine sends its canary events: an edge, or the balancer before them. None: it sends none, and health goes by how long events wait.',
      }),
      coreListen: text({
        env: 'SLUICE_CORE_LISTEN',
        default: '',
        ...hostAndPort,
        doc: 'Where the core listens for edges of other machines. It believes what these say about their clients: for a private network alone.',
      }),
    },
  },
  postgres: {
    doc: 'The Postgres of the cluster profile.',
    settings: {
      url: secret({
        env: 'DATABASE_URL',
        defaultText: 'none',
        shape: 'an address like postgres://user:password@host:5432/sluice?sslmode=verify-full',
        pattern: /^\S+$/,
        doc: 'Where projects, tokens, limits and positions are kept. PostgreSQL 15 or newer.',
      }),
      readUrl: secret({
        env: 'DATABASE_READONLY_URL',
        defaultText: 'none',
        shape: 'an address like that of DATABASE_URL',
        pattern: /^\S+$/,
        doc: 'A standby of it that answers what the API lists of projects, limits and the audit log, while it is fresh enough.',
      }),
      readLagMsMax: milliseconds({
        default: 5 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'How old its answers may be. Whoever has changed something through the same core is never shown less.',
      }),
      caFile: text({
        default: '',
        ...anyText,
        doc: "File of the authorities that may have signed the server's certificate, where the address names none (sslrootcert).",
      }),
      poolMax: integer({ default: 10, min: 1, max: 1000, doc: 'Most connections of one process.' }),
      waitingMax: integer({
        default: 500,
        min: 1,
        max: 100_000,
        doc: 'Most calls of one process that wait for a connection; one more is told at once that the server is busy.',
      }),
      connectTimeoutMs: milliseconds({
        default: 5 * secondMs,
        min: 100,
        max: minuteMs,
        doc: 'How long a call waits for a connection, free or new, to each host; connect_timeout in the address wins.',
      }),
      statementTimeoutMs: milliseconds({
        default: 5 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'How long a statement may take. Migrations have a bound of their own.',
      }),
      allowUnsafe: list({
        default: [],
        shape: 'version, fsync, full_page_writes or synchronous_commit, or none',
        complaintAbout: (value) =>
          ['version', 'fsync', 'full_page_writes', 'synchronous_commit'].includes(value)
            ? undefined
            : 'names something else',
        doc: 'What of the server is let pass although it may forget what it committed, or is older than supported.',
      }),
    },
  },
  redis: {
    doc: 'The Redis or Valkey of the cluster profile.',
    settings: {
      url: secret({
        env: 'REDIS_URL',
        defaultText: 'none',
        shape: 'an address like redis://user:password@host:6379/0 or rediss://…',
        pattern: /^\S+$/,
        doc: 'Where duplicate keys, quotas and rates are counted.',
      }),
      keyPrefix: text({
        default: '',
        ...anyText,
        doc: 'Before every key of ours, where several installations share a server.',
      }),
      whenAway: choice({
        default: 'open',
        choices: ['open', 'closed'],
        doc: 'open: without Redis events are taken unchecked, and ingestion finds the copies. closed: the door answers 503.',
      }),
      commandTimeoutMs: milliseconds({
        default: secondMs,
        min: 10,
        max: minuteMs,
        doc: 'How long the door waits for an answer.',
      }),
      connectTimeoutMs: milliseconds({
        default: 5 * secondMs,
        min: 10,
        max: minuteMs,
        doc: 'How long the server may take to accept a connection, TLS included.',
      }),
      retryMsMax: milliseconds({
        default: 5 * secondMs,
        min: 50,
        max: 10 * minuteMs,
        doc: 'Longest pause between two tries to connect; the first is 50 ms, each after it twice as long.',
      }),
      checkMs: milliseconds({
        default: 5 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'How often a connection is asked whether it is there still.',
      }),
      callsMax: integer({
        default: 10_000,
        min: 1,
        max: 1_000_000,
        doc: 'Most calls of one connection that wait to be sent or answered; the door treats more as Redis being away.',
      }),
      quotaSetsPrefix: text({
        env: 'REDIS_KEY_PREFIX',
        default: '',
        ...anyText,
        doc: "Before the names of PostHog's quota sets (@posthog/quota-limits/…), whose tokens are limited here as well.",
      }),
      quotaSetsEveryMs: milliseconds({
        default: 5 * secondMs,
        min: 100,
        max: 10 * minuteMs,
        doc: 'How often they are read; while they cannot be read, what they said last counts until its time.',
      }),
      quotaSetTokensMax: integer({
        default: 100_000,
        min: 1,
        max: 10_000_000,
        doc: 'Most tokens of one set that are limited; of more, those that are limited for longest.',
      }),
      password: secret({
        env: 'SLUICE_REDIS_PASSWORD',
        defaultText: 'that of the address',
        shape: 'text',
        pattern: /^.+$/s,
        doc: 'In place of the one in the address.',
      }),
      trustedCertificateFile: text({
        env: 'SLUICE_REDIS_CA',
        default: '',
        ...anyText,
        doc: 'File (PEM) with who signs for the server, for rediss://; none: the system’s.',
      }),
      clientCertificateFile: text({
        default: '',
        ...anyText,
        doc: 'File (PEM) with our certificate, where the server asks for one; none: it does not.',
      }),
      clientKeyFile: text({ default: '', ...anyText, doc: 'File (PEM) with the private key of it.' }),
    },
  },
  kafka: {
    doc: 'The Kafka of the cluster profile.',
    settings: {
      hosts: list({
        env: 'KAFKA_HOSTS',
        default: [],
        shape: 'brokers like 10.0.0.1:9092, or none',
        complaintAbout: () => undefined,
        doc: 'Brokers to begin with.',
      }),
      topicPrefix: text({
        default: '',
        shape: 'letters, digits, ".", "_" or "-"',
        complaintAbout: (value) => (/^[A-Za-z0-9._-]{0,100}$/.test(value) ? undefined : 'has others'),
        doc: 'Before the name of every topic that is called as its lane; see topics for other names.',
      }),
      replicationFactor: integer({
        default: 3,
        min: 1,
        max: 15,
        doc: 'Copies of each record in topics that are made.',
      }),
      minInSyncReplicas: integer({
        default: 2,
        min: 1,
        max: 15,
        doc: 'How many of them must have a record before it is acknowledged, in topics that are made.',
      }),
      messageBytesMax: bytes({
        default: 16 * MiB,
        min: 4 * MiB,
        max: 256 * MiB,
        doc: 'Largest record batch of topics that are made; a derived batch is one.',
      }),
      allowBuffered: choice({
        default: 'no',
        choices: ['yes', 'no'],
        doc: 'Whether to start on topics that can lose what was acknowledged: fewer copies than three, one of them enough, or unclean leader election. Receipts then say buffered.',
      }),
      tls: choice({ default: 'off', choices: ['on', 'off'], doc: 'Whether brokers are spoken to over TLS.' }),
      trustedCertificate: secret({
        env: 'KAFKA_TRUSTED_CERT_B64',
        defaultText: "the system's",
        shape: 'a certificate in PEM, as base64',
        pattern: /^[A-Za-z0-9+/=\s]+$/,
        doc: 'Who signs for the brokers.',
      }),
      clientCertificate: secret({
        env: 'KAFKA_CLIENT_CERT_B64',
        defaultText: 'none',
        shape: 'a certificate in PEM, as base64',
        pattern: /^[A-Za-z0-9+/=\s]+$/,
        doc: 'Who we are to the brokers.',
      }),
      clientKey: secret({
        env: 'KAFKA_CLIENT_CERT_KEY_B64',
        defaultText: 'none',
        shape: 'a private key in PEM, as base64',
        pattern: /^[A-Za-z0-9+/=\s]+$/,
        doc: 'The private key of it.',
      }),
      batchMessagesMax: integer({
        env: 'KAFKA_PRODUCER_MAX_QUEUE_SIZE',
        default: 1_000,
        min: 1,
        max: 100_000,
        doc: 'A batch of one partition leaves the edge at the latest with so many messages.',
      }),
      batchBytesMax: bytes({
        env: 'KAFKA_MAX_MESSAGE_BATCH_SIZE',
        default: 1_000_000,
        min: 1024,
        max: 64 * MiB,
        doc: 'Or with so many bytes before compression; one message may have more.',
      }),
      flushMs: milliseconds({
        env: 'KAFKA_FLUSH_FREQUENCY_MS',
        default: 5,
        min: 0,
        max: secondMs,
        doc: 'Or when its first message has waited for so long. 0: at once.',
      }),
      debug: choice({
        default: 'off',
        choices: ['on', 'off'],
        doc: 'on: each event leaves the edge alone and at once, for people who follow single events through Kafka. Costs a multiple.',
      }),
      compression: choice({
        env: 'KAFKA_COMPRESSION_CODEC',
        default: 'lz4',
        choices: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
        doc: 'How batches are compressed.',
      }),
      queueBytesMax: bytes({
        default: 128 * MiB,
        min: MiB,
        max: 16 * GiB,
        doc: 'Most bytes of events that wait for Kafka; requests beyond get 503.',
      }),
      deliveryMsMax: milliseconds({
        default: 20 * secondMs,
        min: secondMs,
        max: 10 * minuteMs,
        doc: 'How long a request waits for Kafka before its sender is told to send it again.',
      }),
      requestTimeoutMs: milliseconds({
        default: 10 * secondMs,
        min: secondMs,
        max: 5 * minuteMs,
        doc: 'How long a broker may take to answer.',
      }),
      partitionsAtOnceMax: integer({
        env: 'KAFKA_PARTITIONS_CONSUMED_CONCURRENTLY',
        default: 0,
        min: 0,
        max: 100_000,
        doc: 'Of how many partitions a reader asks a broker at once; the others have their turn after them. 0: of all, which is the quickest.',
      }),
      fetchWaitMs: milliseconds({
        default: 500,
        min: 10,
        max: 5 * secondMs,
        doc: 'How long a broker keeps a reader waiting at the end of a topic before it answers that there is nothing.',
      }),
      awayMsMax: milliseconds({
        default: 30 * secondMs,
        min: secondMs,
        max: 10 * minuteMs,
        doc: 'How long a reader tries to reach Kafka before it gives up and is started again.',
      }),
      groupId: text({
        default: '',
        shape: 'letters, digits, ".", "_" or "-"',
        complaintAbout: (value) => (/^[A-Za-z0-9._-]{0,200}$/.test(value) ? undefined : 'has others'),
        doc: 'The consumer group by which cores share the partitions; none: topicPrefix and sluice-core.',
      }),
      groupSessionMs: milliseconds({
        default: 10 * secondMs,
        min: secondMs,
        max: 5 * minuteMs,
        doc: "After how long the partitions of a core that is silent are given to others. The group is set to it where the brokers' group.consumer.min.session.timeout.ms permits.",
      }),
      groupHeartbeatMs: milliseconds({
        default: secondMs,
        min: 100,
        max: minuteMs,
        doc: 'How often a core tells that it is there and asks what its partitions are; more often where the brokers want it so.',
      }),
      groupHandoverMs: milliseconds({
        default: 30 * secondMs,
        min: secondMs,
        max: 10 * minuteMs,
        doc: 'How long a core may take to end its work in partitions that another is to get; then that one gets them all the same.',
      }),
      metadataAgeMs: milliseconds({
        default: 500,
        min: 100,
        max: 10 * secondMs,
        doc: 'How long what is known of the leaders of partitions counts. A client that remembers an old leader sends in vain.',
      }),
      retries: integer({
        default: 3,
        min: 0,
        max: 100,
        doc: 'Tries of a batch after the first, each after twice the delay; then it is put back and the delay begins anew.',
      }),
      retryDelayMs: milliseconds({ default: 100, min: 1, max: minuteMs, doc: 'Before the first of them.' }),
      saslMechanism: choice({
        env: 'SLUICE_KAFKA_SASL_MECHANISM',
        default: 'none',
        choices: ['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
        doc: 'How we log in at the brokers.',
      }),
      saslUser: text({ env: 'SLUICE_KAFKA_SASL_USER', default: '', ...anyText, doc: 'As whom.' }),
      saslPassword: secret({
        env: 'SLUICE_KAFKA_SASL_PASSWORD',
        defaultText: 'none',
        shape: 'text',
        pattern: /^.+$/s,
        doc: 'By which password.',
      }),
    },
  },
  clickhouse: {
    doc: 'The ClickHouse of the cluster profile.',
    settings: {
      host: text({
        env: 'CLICKHOUSE_HOST',
        default: '',
        ...anyText,
        doc: 'Server, as a host name or as an address like https://host:8443.',
      }),
      offlineHost: text({
        env: 'CLICKHOUSE_OFFLINE_CLUSTER_HOST',
        default: '',
        ...anyText,
        doc: 'Another one for heavy questions; none: the same.',
      }),
      database: text({
        env: 'CLICKHOUSE_DATABASE',
        default: 'sluice',
        shape: 'letters, digits or "_"',
        complaintAbout: (value) => (/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(value) ? undefined : 'is no name'),
        doc: 'Database of the tables.',
      }),
      user: text({ env: 'CLICKHOUSE_USER', default: 'default', ...anyText, doc: 'As whom.' }),
      password: secret({
        env: 'CLICKHOUSE_PASSWORD',
        defaultText: 'none',
        shape: 'text',
        pattern: /^.+$/s,
        doc: 'By which password.',
      }),
      secure: choice({
        env: 'CLICKHOUSE_SECURE',
        default: 'false',
        choices: ['true', 'false'],
        doc: 'Whether a host without http:// or https:// is spoken to over TLS.',
      }),
      trustedCertificateFile: text({
        env: 'CLICKHOUSE_CA',
        default: '',
        ...anyText,
        doc: 'File with who signs for the server; none: the system’s.',
      }),
      cluster: text({
        env: 'SLUICE_CLICKHOUSE_CLUSTER',
        default: '',
        ...anyText,
        doc: 'Name of the cluster of several servers, for replicated and distributed tables; none: one server.',
      }),
    },
  },
} as const
