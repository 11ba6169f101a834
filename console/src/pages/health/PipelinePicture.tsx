import { Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconArrowNarrowRight, IconCircleCheck, IconHourglass } from '@tabler/icons-react'
import { Fragment } from 'react'
import classes from './PipelinePicture.module.css'
import { pictureOf } from './pipeline-picture.ts'
import type { LogBetween, Pipeline, Station } from './pipeline-picture.ts'

const signs = {
  well: { Icon: IconCircleCheck, color: 'teal' },
  waiting: { Icon: IconHourglass, color: 'yellow' },
  late: { Icon: IconAlertTriangle, color: 'red' },
} as const

/** From left to right, or from top to bottom where there is no room: the way of an event. */
export function PipelinePicture({ pipeline }: { readonly pipeline: Pipeline }) {
  const picture = pictureOf(pipeline)
  return (
    <ol className={classes['flow']} aria-label="The way of an event">
      {picture.map((one, place) =>
        one.kind === 'log' ? (
          <Log key={one.name} log={one} />
        ) : (
          <Fragment key={one.name}>
            {place > 0 && picture[place - 1]?.kind === 'station' && (
              <li className={classes['log']} aria-hidden>
                <IconArrowNarrowRight className={classes['arrow']} size={28} />
              </li>
            )}
            <StationBox station={one} />
          </Fragment>
        ),
      )}
    </ol>
  )
}

function Log({ log }: { readonly log: LogBetween }) {
  return (
    <li className={classes['log']}>
      <IconArrowNarrowRight className={classes['arrow']} size={28} aria-hidden />
      <span title={log.name}>
        <span className="visually-hidden">{log.name}: </span>
        <Text span size="xs" display="block" c="dimmed" aria-hidden>
          in the log
        </Text>
        <Text span size="xs" fw={log.waiting > 0 ? 650 : 400}>
          {log.words}
        </Text>
      </span>
    </li>
  )
}

function StationBox({ station }: { readonly station: Station }) {
  const { Icon, color } = signs[station.state]
  return (
    <li className={classes['station']} data-state={station.state} data-station={station.name}>
      <Title order={2} size="h3">
        {station.title}
      </Title>
      <Text size="sm" c={color} fw={600} style={{ display: 'flex', gap: 4, alignItems: 'center' }}>
        <Icon size={16} aria-hidden />
        {station.stateWords}
      </Text>
      <Text size="xs" c="dimmed" mt={4}>
        {station.does}
      </Text>
      <dl className={classes['books']}>
        {station.entries.map(({ name, value, meaning, isNotable }) => (
          <Fragment key={name}>
            <dt title={meaning} data-notable={isNotable || undefined}>
              {name}
            </dt>
            <dd data-notable={isNotable || undefined}>{value}</dd>
          </Fragment>
        ))}
      </dl>
    </li>
  )
}
