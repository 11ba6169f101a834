/**
 * What the topics behind the lanes are called (C11), under the names that PostHog's plugin server and capture have for them (P9; capture
 * spec §11). A topic that is named here is taken as it is named, without the prefix: it may be one that others have named.
 */
import type { Lane } from '../../event/position.ts'
import { text } from './setting.ts'

const topicOfLane = (lane: Lane, env?: string) =>
  text({
    ...(env === undefined ? {} : { env }),
    default: '',
    shape: 'letters, digits, ".", "_" or "-", at most 249',
    complaintAbout: (value) =>
      /^[A-Za-z0-9._-]{0,249}$/.test(value) && !/^\.{1,2}$/.test(value) ? undefined : 'is no name of a topic',
    doc: `Topic of the lane ${lane}, without kafka.topicPrefix before it; none: the lane's name, with it.`,
  })

/** The setting of each lane. */
const settingOfLane = {
  events_plugin_ingestion: 'eventsPluginIngestion',
  events_plugin_ingestion_dlq: 'eventsPluginIngestionDlq',
  clickhouse_events: 'clickhouseEvents',
  historical_events: 'historicalEvents',
  events_plugin_ingestion_overflow: 'eventsPluginIngestionOverflow',
  exceptions: 'exceptions',
  client_warnings: 'clientWarnings',
  heatmaps_ingestion: 'heatmapsIngestion',
  events_plugin_ingestion_ai: 'eventsPluginIngestionAi',
  session_recording_snapshot_item_events: 'sessionRecordingSnapshotItemEvents',
  clickhouse_session_recording_events: 'clickhouseSessionRecordingEvents',
  clickhouse_heatmap_events: 'clickhouseHeatmapEvents',
} as const satisfies Readonly<Record<Lane, keyof typeof topicsSection.settings>>

export const topicsSection = {
  doc: 'Names of the topics of the cluster profile. Like kafka.topicPrefix they never change once there are events in them.',
  settings: {
    eventsPluginIngestion: topicOfLane('events_plugin_ingestion', 'KAFKA_CONSUMPTION_TOPIC'),
    eventsPluginIngestionDlq: topicOfLane('events_plugin_ingestion_dlq', 'CAPTURE_OUTPUT_DLQ_TOPIC'),
    historicalEvents: topicOfLane('historical_events', 'CAPTURE_OUTPUT_ANALYTICS_HISTORICAL_TOPIC'),
    eventsPluginIngestionOverflow: topicOfLane(
      'events_plugin_ingestion_overflow',
      'CAPTURE_OUTPUT_ANALYTICS_OVERFLOW_TOPIC',
    ),
    exceptions: topicOfLane('exceptions', 'CAPTURE_OUTPUT_ERROR_TRACKING_TOPIC'),
    clientWarnings: topicOfLane('client_warnings', 'CAPTURE_OUTPUT_CLIENT_WARNINGS_TOPIC'),
    heatmapsIngestion: topicOfLane('heatmaps_ingestion', 'CAPTURE_OUTPUT_HEATMAPS_TOPIC'),
    eventsPluginIngestionAi: topicOfLane('events_plugin_ingestion_ai', 'CAPTURE_OUTPUT_AI_MAIN_TOPIC'),
    sessionRecordingSnapshotItemEvents: topicOfLane(
      'session_recording_snapshot_item_events',
      'CAPTURE_OUTPUT_SESSION_REPLAY_MAIN_TOPIC',
    ),
    clickhouseEvents: topicOfLane('clickhouse_events'),
    clickhouseSessionRecordingEvents: topicOfLane('clickhouse_session_recording_events'),
    clickhouseHeatmapEvents: topicOfLane('clickhouse_heatmap_events'),
  },
} as const

/** The name of a lane's topic, by the settings. */
export function topicName(
  { kafka, topics }: { readonly kafka: { readonly topicPrefix: string }; readonly topics: TopicSettings },
  lane: Lane,
): string {
  const own = topics[settingOfLane[lane]]
  return own === '' ? kafka.topicPrefix + lane : own
}

type TopicSettings = Readonly<Record<keyof typeof topicsSection.settings, string>>
